//go:build !unix

package wire

import "net"

// alive cannot look here without taking bytes.
func alive(net.Conn) bool { return true }
