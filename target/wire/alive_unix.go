//go:build unix

package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// Alive says whether the server has kept open a connection on which no answer
// is awaited. It costs one system call.
func Alive(conn net.Conn) bool { return alive(conn, false) }

// alive looks, without waiting and without taking anything, whether the other
// side has closed a connection. What a TLS server sends after the handshake
// (session tickets) stays for its reader where tickets is set; any other byte is
// an answer to nothing or a farewell, and the connection is of no use.
func alive(conn net.Conn, tickets bool) bool {
	secure, isTLS := conn.(*tls.Conn)
	if tickets = tickets && isTLS; isTLS {
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
