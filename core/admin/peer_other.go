//go:build unix && !linux

package admin

import (
	"net"
	"syscall"
)

// private does nothing: elsewhere than on Linux, the mode of a socket can only be set after it is bound.
func private(_, _ string, _ syscall.RawConn) error { return nil }

// peer is who opened a connection to the unix socket.
func peer(net.Conn) string { return "a user of this machine" }
