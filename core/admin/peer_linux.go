package admin

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// private gives a socket its mode before it is bound: the file then never has another one.
func private(_, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(failed, err)
}

// peer returns the user and process that opened a connection to the unix socket.
func peer(c net.Conn) string {
	const unknown = "an unknown user of this machine"
	socket, ok := c.(syscall.Conn)
	if !ok {
		return unknown
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return unknown
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if failed != nil || err != nil {
		return unknown
	}
	return fmt.Sprintf("uid %d (pid %d)", cred.Uid, cred.Pid)
}
