package pluginhost

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// State is what a plugin is doing.
type State string

// States of a plugin.
const (
	Stopped      State = "stopped"       // Run was not called or has returned
	Starting     State = "starting"      // a process is being started and configured
	Ready        State = "ready"         // deliveries can be sent
	Draining     State = "draining"      // stopping: the process finishes its deliveries
	Backoff      State = "backoff"       // the process died; a new one starts soon
	Suspended    State = "suspended"     // it died too often; started again after ten minutes, or by RestartNow
	FailedConfig State = "failed-config" // a restarted process refused its settings; started again like Suspended
)

// Status is a snapshot of a plugin.
type Status struct {
	State State
	Since time.Time
	// Pid, Version and SHA256 are those of the process that runs or ran last.
	Pid             int
	Version, SHA256 string
	// LastError says why the last process was lost or did not start, and LastErrorTime when that was.
	LastError     error
	LastErrorTime time.Time
	// Restarts counts the processes that ended although neither the router's stop nor RestartNow ended them, and the restarts that
	// failed.
	Restarts int
}

// Plugin keeps one process of a plugin running.
type Plugin struct {
	spec    Spec
	options Options
	log     *slog.Logger
	launch  func(ctx context.Context) (child, error)
	history history

	now       chan struct{}
	ready     chan struct{} // closed when the first process is ready
	readyOnce sync.Once
	done      chan struct{} // closed when Run returns, after err is set
	err       error

	mu       sync.Mutex
	starts   int   // processes started, whether they became ready or not
	startErr error // why the last one did not become ready
	status   Status
	child    child         // while Ready
	changed  chan struct{} // closed and replaced when status changes
}

// child is a running process as supervision sees it: an instance, or a fake in tests.
type child interface {
	watchHealth()
	// gone is closed when the process has failed; reason is valid from then on.
	gone() <-chan struct{}
	reason() string
	fail(reason, detail string) (first bool)
	// end kills what is left of the process and waits until it is gone; lost is valid from then on.
	end()
	drain()
	lost() error
	openSession() (*Session, error)
	about() (pid int, version, sha256 string)
}

var errSessionOpen = errors.New("the plugin has a session already")

// New returns a plugin that does nothing until Run.
func New(spec Spec, o Options) *Plugin {
	return newPlugin(spec, o, defaultTiming)
}

func newPlugin(spec Spec, o Options, t timing) *Plugin {
	p := &Plugin{
		spec: spec, options: o, log: o.Log.With("plugin", spec.Name),
		now: make(chan struct{}, 1), ready: make(chan struct{}), done: make(chan struct{}),
		changed: make(chan struct{}), status: Status{State: Stopped, Since: time.Now()},
	}
	p.launch = func(ctx context.Context) (child, error) { return launch(ctx, spec, o, t, &p.history) }
	return p
}

// Run starts the plugin and keeps it running until ctx ends; then it gives the plugin at most ten seconds to finish its
// deliveries, ends the process and returns nil. When the very first start fails, Run returns the StartError or ConfigError
// at once, because whoever starts the router can mend it now. Call it once.
func (p *Plugin) Run(ctx context.Context) (err error) {
	defer func() {
		p.err = err
		p.note(err)
		p.enter(Stopped, nil)
		close(p.done)
	}()
	p.enter(Starting, nil)
	c, err := p.start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	record := newRestarts()
	for c != nil {
		started := time.Now()
		if p.watch(ctx, c) {
			return nil
		}
		c = p.replace(ctx, c, record, started)
	}
	return nil
}

// watch returns when the process is lost, or true when it was stopped because ctx ended.
func (p *Plugin) watch(ctx context.Context, c child) (stopped bool) {
	pid, version, sha256 := c.about()
	if m := p.options.Metrics; m != nil {
		m.setInfo(p.spec.Name, version, sha256)
	}
	p.log.Info("plugin ready", "pid", pid, "version", version, "sha256", sha256)
	p.enter(Ready, c)
	healthDone := make(chan struct{})
	go func() {
		defer close(healthDone)
		c.watchHealth()
	}()
	defer func() { <-healthDone }()
	select {
	case <-c.gone():
		p.enter(Backoff, nil)
		c.end()
		p.history.ended(pid, c.lost())
		return false
	case <-ctx.Done():
		p.enter(Draining, nil)
		c.drain()
		return true
	}
}

// replace starts processes until one is ready. It returns nil when ctx ends first.
func (p *Plugin) replace(ctx context.Context, dead child, record *restarts, started time.Time) child {
	reason, err, uptime := dead.reason(), dead.lost(), time.Since(started)
	for {
		if reason == reasonOperator {
			p.log.Info("plugin restarts by request of an operator")
			record.forget()
		} else {
			p.count(reason, err)
			if !p.pause(ctx, err, uptime, record) {
				return nil
			}
		}
		p.enter(Starting, nil)
		c, startErr := p.start(ctx)
		if startErr == nil {
			return c
		}
		if ctx.Err() != nil {
			return nil
		}
		reason, err, uptime = reasonStart, startErr, 0
	}
}

// pause waits until the next start is due. It returns false when ctx ends first.
func (p *Plugin) pause(ctx context.Context, err error, uptime time.Duration, record *restarts) bool {
	wait, state := p.decide(err, uptime, record)
	p.enter(state, nil)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.now:
		record.forget()
		return true
	case <-ctx.Done():
		return false
	}
}

// decide returns how long to wait after err, and logs it. Refused settings do not count as a crash: starting sooner would
// not change the plugin's answer.
func (p *Plugin) decide(err error, uptime time.Duration, record *restarts) (time.Duration, State) {
	if _, ok := errors.AsType[*ConfigError](err); ok {
		record.forget()
		p.log.Error("plugin refused its settings at a restart", "err", err, "wait", suspendTime)
		return suspendTime, FailedConfig
	}
	wait, suspend := record.died(time.Now(), uptime)
	if suspend {
		p.log.Error("plugin died too often, suspended", "err", err, "wait", wait)
		return wait, Suspended
	}
	p.log.Error("plugin died, restarting", "err", err, "wait", wait)
	return wait, Backoff
}

// enter changes the state and wakes the goroutines waiting for a change.
func (p *Plugin) enter(s State, c child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.options.Metrics; m != nil && (s == Ready) != (p.status.State == Ready) {
		// Two processes of one plugin may be ready at once, so each counts itself.
		if s == Ready {
			m.up.WithLabelValues(p.spec.Name).Inc()
		} else {
			m.up.WithLabelValues(p.spec.Name).Dec()
		}
	}
	p.status.State, p.status.Since, p.child = s, time.Now(), c
	if c != nil {
		p.status.Pid, p.status.Version, p.status.SHA256 = c.about()
	}
	close(p.changed)
	p.changed = make(chan struct{})
	if s == Ready {
		select { // the process that RestartNow asked for is here
		case <-p.now:
		default:
		}
		p.readyOnce.Do(func() { close(p.ready) })
	}
}

// note records an error for Status.
func (p *Plugin) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.status.LastError, p.status.LastErrorTime = err, time.Now()
	}
}

// count records the end of a process, or a failed restart.
func (p *Plugin) count(reason string, err error) {
	p.note(err)
	p.mu.Lock()
	p.status.Restarts++
	p.mu.Unlock()
	if m := p.options.Metrics; m != nil {
		m.restarts.WithLabelValues(p.spec.Name, reason).Inc()
	}
}

// Status returns a snapshot.
func (p *Plugin) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// State is Status().State.
func (p *Plugin) State() State { return p.Status().State }

// Ready is closed when the first process is ready, and stays closed whatever happens after.
func (p *Plugin) Ready() <-chan struct{} { return p.ready }

// WaitReady waits for the first process to be ready. When Run returns first, it returns Run's error or ErrStopped.
func (p *Plugin) WaitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.done:
		if p.err != nil {
			return p.err
		}
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RestartNow is for an operator. It replaces a ready process at once, starts a plugin in Backoff, Suspended or FailedConfig at
// once, and forgets the plugin's crashes. It does not count as a crash. Unanswered deliveries have an unknown outcome. In other
// states it does nothing. It does not wait; started does, and returns the error of a start that failed.
func (p *Plugin) RestartNow() (started func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.starts
	started = func(ctx context.Context) error { return p.awaitStart(ctx, before) }
	if c := p.child; c != nil && c.fail(reasonOperator, "was restarted by an operator") {
		return started
	}
	// No process is ready, or this one is lost already.
	select {
	case p.now <- struct{}{}:
	default:
	}
	return started
}

// start starts a process and records the outcome for those who wait for it.
func (p *Plugin) start(ctx context.Context) (child, error) {
	c, err := p.launch(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starts++
	p.startErr = err
	return c, err
}

// awaitStart waits until more processes than before were started, and the last of them is ready or has failed.
func (p *Plugin) awaitStart(ctx context.Context, before int) error {
	for {
		p.mu.Lock()
		starts, err, state, changed := p.starts, p.startErr, p.status.State, p.changed
		p.mu.Unlock()
		if starts > before && (err != nil || state == Ready) {
			return err
		}
		select {
		case <-changed:
		case <-p.done:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Restart replaces a ready process that does not do its work; why is for the log. Unanswered deliveries have an unknown
// outcome. It counts as a crash in the backoff.
func (p *Plugin) Restart(why string) {
	p.mu.Lock()
	c := p.child
	p.mu.Unlock()
	if c != nil {
		c.fail(reasonRequested, "was ended: "+why)
	}
}

// Logs returns the last 64 KiB of what the plugin's processes wrote to standard error and standard output, oldest first, one log
// record or line a line. A line marks the start of each process.
func (p *Plugin) Logs() string { return p.history.text() }

// LastPanic returns the panic or fatal error of the last process that crashed, from its first line on, at most 16 KiB. It is empty
// when no process crashed, or the last one wrote none.
func (p *Plugin) LastPanic() string { return p.history.panicText() }

// Session waits until the plugin is ready and opens the session of its process. Only one can be open at a time. It returns
// ErrStopped when the plugin is stopping or stopped.
func (p *Plugin) Session(ctx context.Context) (*Session, error) {
	for {
		p.mu.Lock()
		c, changed, state := p.child, p.changed, p.status.State
		p.mu.Unlock()
		if c != nil {
			s, err := c.openSession()
			if err == nil || errors.Is(err, errSessionOpen) {
				return s, err
			}
		}
		if state == Draining {
			return nil, ErrStopped
		}
		select {
		case <-changed:
		case <-p.done:
			return nil, ErrStopped
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
