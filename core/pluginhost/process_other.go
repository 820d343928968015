//go:build unix && !linux

package pluginhost

import (
	"os/exec"
	"syscall"
)

// maxSocketPath is the longest path of a unix socket: sun_path holds 104 bytes with the final zero.
const maxSocketPath = 103

// childAttr puts the child into a process group of its own. Pdeathsig exists on Linux only: elsewhere, a plugin that ignores
// the end of its standard input outlives a router that was killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// wait returns when the child has ended, and kills what is left of its group.
func (p *process) wait(cmd *exec.Cmd) {
	_ = cmd.Wait() // p.state has the exit status
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signalGroup()
	p.reaped = true
}
