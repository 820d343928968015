package s3test

import "syscall"

// diesWithParent: a test that is killed runs no cleanup.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
