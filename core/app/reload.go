package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/pluginhost"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// reloads passes requests for a reload to the goroutine of Run, which carries out one at a time.
type reloads struct {
	requests chan *reloadRequest
	// changed receives something when the watched files have changed.
	changed chan struct{}
	// ended is closed when no request is taken any more.
	ended chan struct{}
	// busy is true while a caller of Reload waits for its result.
	busy atomic.Bool
	// last is nil before the first reload.
	last atomic.Pointer[adminv1.ReloadAttempt]
}

type reloadRequest struct {
	by   string
	resp *adminv1.ReloadResponse
	err  error
	done chan struct{} // closed after resp and err are set
}

func newReloads() reloads {
	return reloads{requests: make(chan *reloadRequest), changed: make(chan struct{}), ended: make(chan struct{})}
}

// Reload implements admin.Router. It waits for the result even when ctx ends, so that the answer is never a guess.
func (r *router) Reload(_ context.Context, by string) (*adminv1.ReloadResponse, error) {
	if !r.reloads.busy.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("%w: another reload has not finished: wait for it, and reload again if the files have changed since", admin.ErrBusy)
	}
	defer r.reloads.busy.Store(false)
	req := &reloadRequest{by: by, done: make(chan struct{})}
	select {
	case r.reloads.requests <- req:
		<-req.done
		return req.resp, req.err
	case <-r.reloads.ended:
		return nil, fmt.Errorf("%w: nothing was changed; the next start reads the files", admin.ErrStopping)
	}
}

// serveReloads carries out reloads until ctx ends.
func (r *router) serveReloads(ctx context.Context) {
	defer close(r.reloads.ended)
	for {
		select {
		case <-r.Hangup:
			_, _ = r.reload(ctx, "SIGHUP") // It has logged the error.
		case <-r.reloads.changed:
			_, _ = r.reload(ctx, "watch")
		case req := <-r.reloads.requests:
			req.resp, req.err = r.reload(ctx, req.by)
			close(req.done)
		case <-ctx.Done():
			return
		}
	}
}

// reload reads the configuration and puts it into force. On an error nothing has changed.
func (r *router) reload(ctx context.Context, by string) (*adminv1.ReloadResponse, error) {
	r.notify.reloading()
	defer r.notify.ready()
	start, old := time.Now(), r.current.Load()
	attempt := &adminv1.ReloadAttempt{Time: timestamppb.New(start), RequestedBy: by}
	defer r.reloads.last.Store(attempt)

	p := r.load(ctx)
	err := p.usable()
	var changes []string
	if err == nil {
		changes, err = r.apply(ctx, p)
	}
	if err != nil {
		attempt.Error = err.Error()
		r.metrics.ReloadSuccessful.Set(0)
		r.Log.Error("reload failed, the configuration in force stays", "requested_by", by, "generation", old.number, "err", err)
		return nil, &admin.ReloadError{Err: err, Failure: &adminv1.ReloadFailure{Diagnostics: diagnosticsOf(err), Generation: old.describe()}}
	}
	r.Warnings(p.diags)
	r.metrics.ReloadSuccessful.Set(1)
	r.metrics.ReloadTimestamp.SetToCurrentTime()
	now := r.current.Load()
	changes = append(changes, now.startAgain()...)
	resp := &adminv1.ReloadResponse{Generation: now.describe(), Changed: now != old, Changes: changes, Warnings: messages(p.diags)}
	if len(changes) == 0 {
		r.Log.Info("reload: nothing has changed", "requested_by", by, "generation", now.number)
		return resp, nil
	}
	r.Log.Info("configuration reloaded", "requested_by", by, "generation", now.number, "changes", strings.Join(changes, "; "), "took", time.Since(start).String())
	r.warnOfUnconfigured(ctx)
	return resp, nil
}

// startAgain starts the plugins that failed and are waiting for their next start, because the cause may have been fixed before the
// reload. It returns a line for each.
func (g *generation) startAgain() (lines []string) {
	for _, p := range g.plugins {
		switch p.State() {
		case pluginhost.Backoff, pluginhost.Suspended, pluginhost.FailedConfig:
			p.RestartNow()
			lines = append(lines, fmt.Sprintf("plugin %q is started again", p.block.Name))
		}
	}
	return lines
}

// usable returns an *InvalidError if the configuration has errors.
func (p *plan) usable() error {
	if p.diags.HasErrors() {
		return &InvalidError{Config: p.config, Diagnostics: p.diags}
	}
	return nil
}

// describe is the generation as the API shows it.
func (g *generation) describe() *adminv1.Generation {
	return &adminv1.Generation{Number: g.number, Loaded: timestamppb.New(g.loaded), Files: g.config.Files}
}

// diagnosticsOf returns the diagnostics of an InvalidError; there are none in other errors.
func diagnosticsOf(err error) []*adminv1.Diagnostic {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		return messages(invalid.Diagnostics)
	}
	return nil
}

// diagnosticWidth is where the text of diagnostics is wrapped for readers whose terminal is not known.
const diagnosticWidth = 100

// messages are diagnostics as the API shows them.
func messages(d *config.Diagnostics) []*adminv1.Diagnostic {
	var out []*adminv1.Diagnostic
	for _, m := range d.Messages(diagnosticWidth) {
		out = append(out, &adminv1.Diagnostic{
			Severity: m.Severity, Summary: m.Summary, Detail: m.Detail, File: m.File, Line: int32(m.Line), Column: int32(m.Column), Text: m.Text,
		})
	}
	return out
}
