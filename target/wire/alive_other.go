//go:build !unix

package wire

import "net"

// Alive cannot look here without taking bytes.
func Alive(net.Conn, bool) bool { return true }
