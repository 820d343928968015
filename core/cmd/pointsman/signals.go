package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// surviveSignals keeps signals that would kill a Go program by default from ending the router, until stop is called. SIGHUP is
// logged, because people send it to apply a changed configuration. SIGPIPE arrives when the reader of standard error is gone; the
// router outlives its log.
//
// The signals are received and dropped rather than set to SIG_IGN, which plugin processes would inherit.
func surviveSignals(log *slog.Logger) (stop func()) {
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-received:
				if s == syscall.SIGHUP {
					log.LogAttrs(context.Background(), slog.LevelWarn, "SIGHUP ignored: restart the router to apply a changed configuration")
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(received)
		close(done)
	}
}
