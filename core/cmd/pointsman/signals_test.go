package main

import (
	"strings"
	"syscall"
	"testing"
)

// Signals that do not mean "stop" leave the router serving, with the same plugin process.
func TestSignalsThatDoNotStop(t *testing.T) {
	r := newRig(t, strings.Replace(smtpConfig, "PORT", "1", 1))
	r.start()
	before := r.plugins()
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		if err := r.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		r.send()
	}
	r.until("reload by SIGHUP", func() bool { return strings.Contains(r.log.String(), `"requested_by":"SIGHUP"`) })
	if after := r.plugins(); len(before) != 1 || len(after) != 1 || before[0] != after[0] {
		t.Errorf("plugin processes %v before, %v after; want the same one", before, after)
	}
	if code := r.kill(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}
