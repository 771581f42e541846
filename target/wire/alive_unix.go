//go:build unix

package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// alive looks, without waiting and without taking anything, whether the other
// side has closed a connection that nothing was sent on. What a TLS server sent
// (session tickets) stays for its reader; any byte from a plain server is an
// answer to nothing, and the connection is of no use.
func alive(conn net.Conn) bool {
	secure, isTLS := conn.(*tls.Conn)
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
		open = n > 0 && isTLS || errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && open
}
