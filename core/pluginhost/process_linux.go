package pluginhost

import (
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSocketPath is the longest path of a unix socket: sun_path holds 108 bytes with the final zero.
const maxSocketPath = 107

// childAttr puts the child into a process group of its own and has the kernel kill it when the thread that forked it dies.
// Backup for Pdeathsig: the plugin also exits when its standard input closes.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// wait returns when the child has ended. The group is killed while the child is a zombie, so that its id is not reused yet.
func (p *process) wait(cmd *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signalGroup()
	_ = cmd.Wait() // p.state has the exit status
	p.reaped = true
}
