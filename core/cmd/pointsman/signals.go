package main

import (
	"os"
	"os/signal"
	"syscall"
)

// surviveSignals keeps signals that would kill a Go program by default from ending the router, until stop is called. hangup receives
// something for each SIGHUP; several that arrive during a reload count as one. SIGPIPE arrives when the reader of standard error is
// gone: the router outlives its log.
//
// The signals are received and dropped rather than set to SIG_IGN, which plugin processes would inherit.
func surviveSignals() (hangup <-chan struct{}, stop func()) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
	reload := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-received:
				if s != syscall.SIGHUP {
					continue
				}
				select {
				case reload <- struct{}{}:
				default:
				}
			case <-done:
				return
			}
		}
	}()
	return reload, func() {
		signal.Stop(received)
		close(done)
	}
}
