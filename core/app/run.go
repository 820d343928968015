package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Times of a stop. Together they keep within stopLimit: requests 8 s, plugins and their dispatchers 10 s.
const (
	stopLimit    = 30 * time.Second
	requestDrain = 8 * time.Second
)

// Run checks the configuration, runs the router until ctx ends, and stops it in order: not ready, no new requests, requests in
// progress finished, plugins drained, journal closed. It returns an *InvalidError if the configuration cannot be used, and nil
// after a complete stop.
func Run(ctx context.Context, o Options) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	deadline := stopDeadline(ctx)
	r := newRouter(o, fail)
	p := r.load(ctx)
	if err := p.usable(); err != nil {
		return err
	}
	o.Warnings(p.diags)
	err := r.start(ctx, p)
	if err == nil {
		r.serveReloads(ctx)
		o.Log.Info("stopping", "limit", stopLimit.String())
	}
	r.notify.stopping()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		err = nil // A signal ended it, at any stage.
	case cause != nil:
		err = cause // A part failed; the error of start follows from it.
	}
	r.health.Drain()
	stopping, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline())
	defer cancel()
	if err = errors.Join(err, r.stop(stopping)); err == nil {
		o.Log.Info("stopped")
	}
	return err
}

// stopDeadline returns a function that returns the deadline of a stop: stopLimit after the end of ctx. A reload in progress delays
// the stop, but not its deadline.
func stopDeadline(ctx context.Context) func() time.Time {
	var ended atomic.Pointer[time.Time]
	context.AfterFunc(ctx, func() {
		now := time.Now()
		ended.Store(&now)
	})
	return func() time.Time {
		if t := ended.Load(); t != nil {
			return t.Add(stopLimit)
		}
		return time.Now().Add(stopLimit)
	}
}

// start brings the router up. Consumers start before their producers: the journal, the first generation, at last the server.
func (r *router) start(ctx context.Context, first plan) error {
	if err := r.open(ctx, first.config); err != nil {
		return err
	}
	if _, err := r.apply(ctx, first); err != nil {
		return err
	}
	r.metrics.ReloadSuccessful.Set(1)
	r.metrics.ReloadTimestamp.SetToCurrentTime()
	r.warnOfUnconfigured(ctx)
	r.serve(ctx)
	r.health.Started(r.checks)
	r.startHousekeeping(ctx)
	r.notify.ready()
	c := first.config
	r.Log.Info("ready", "server", r.listener.Addr().String(), "admin", r.adminListener.Addr().String(), "journal", c.Journal.Path,
		"durability", "disk", "generation", r.current.Load().number, "sources", len(c.Sources), "rules", len(c.Rules), "plugins", len(c.Plugins))
	return nil
}
