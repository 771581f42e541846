//go:build unix

package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// Alive says whether the server has kept open a connection on which no answer
// is awaited, without waiting and without taking anything. It costs one system
// call. On a fresh connection, which has carried no request, what a TLS server
// sends after the handshake (session tickets) stays for its reader; any other
// byte is an answer to nothing or a farewell, and the connection is of no use.
func Alive(conn net.Conn, fresh bool) bool {
	secure, isTLS := conn.(*tls.Conn)
	tickets := fresh && isTLS
	if isTLS {
		conn = secure.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK) // the socket does not block
		open = n > 0 && tickets || errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && open
}
