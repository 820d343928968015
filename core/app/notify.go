package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// notifier reports the state of the router to systemd, as a service of Type=notify or Type=notify-reload expects
// (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Without NOTIFY_SOCKET it does nothing.
type notifier struct{ log *slog.Logger }

func (n notifier) ready()    { n.send(daemon.SdNotifyReady) }
func (n notifier) stopping() { n.send(daemon.SdNotifyStopping) }

// reloading includes the time, which systemd needs to match the READY=1 that ends the reload.
func (n notifier) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		n.log.Warn("systemd was not notified", "err", err)
		return
	}
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

func (n notifier) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.log.Warn("systemd was not notified", "err", err)
	}
}

// watchdog keeps systemd from restarting the router while alive returns, until ctx ends. alive may take its time and must return
// if the router can still work.
func (n notifier) watchdog(ctx context.Context, alive func()) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("systemd's watchdog is not served", "err", err)
	}
	if err != nil || interval == 0 {
		<-ctx.Done()
		return nil
	}
	ticks := time.NewTicker(interval / 3)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			alive()
			n.send(daemon.SdNotifyWatchdog)
		case <-ctx.Done():
			return nil
		}
	}
}
