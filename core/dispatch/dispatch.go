// Package dispatch takes the deliveries of one plugin from the journal to the plugin and settles them: batches, window, order,
// rate, deadlines, retries, and the hunt for what crashes the plugin.
//
// Four steps overlap, each in a goroutine of its own: claim takes due deliveries from the journal into a queue, send moves them
// from the queue into flight, receive takes results out of flight, and settle workers make the outcomes durable. A delivery is
// in exactly one of queue, flight and settler; a slot of the plugin's window is free again as soon as the result is there,
// while its outcome is still being committed. That keeps the order of a key, because the journal does not offer the next
// delivery of a key before the one ahead is settled.
//
// Invariant: each claimed delivery is settled exactly once per attempt, whatever the plugin does. What a stop or a dead journal
// leaves unsettled is claimed again at the next start, with the same attempt number.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/pluginhost"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Journal is what dispatch needs of a journal; see journal.Journal for what the methods promise.
type Journal interface {
	Claim(ctx context.Context, plugin string, max int) ([]journal.Delivery, error)
	Settle(ctx context.Context, results []journal.Settlement) error
}

// Target is a supervised plugin.
type Target interface {
	// Session waits until the plugin is ready. It is called again only after the session before was closed.
	Session(ctx context.Context) (Session, error)
	// Restart ends the plugin's process, and with it the session, because it does not answer any more. It does not wait.
	Restart(reason string)
}

// Session is one connection to a running plugin. Send and Recv are called by one goroutine each, Close at any time.
type Session interface {
	// Window is how many deliveries may be unanswered; MaxBatch how many may be in one Send. Both at least 1.
	Window() int
	MaxBatch() int
	// Send hands deliveries over. The slice is the caller's again when Send returns, the bytes in it are never changed.
	Send(deliveries []pluginhost.Delivery) error
	// Recv waits for results, in any order. An error means that the session is over and that the outcome of everything
	// unanswered is unknown; its text says what happened to the plugin.
	Recv() ([]*pluginv1.Result, error)
	// Close makes Send and Recv return. It may be called more than once.
	Close()
}

// Effects does what a plugin asks for in its results. Apply is called before the delivery is settled, for results that say done.
// It holds up the results behind it, so it must not wait for long; those of one message that emit events are applied at the same
// time, so that their events share a commit. An error makes the attempt a retry, an *ImpossibleError the delivery a dead letter.
type Effects interface {
	Apply(ctx context.Context, d *journal.Delivery, effects []*pluginv1.Effect) error
}

// ImpossibleError is an error of Effects that no retry can mend.
type ImpossibleError struct{ Err error }

func (e *ImpossibleError) Error() string { return e.Err.Error() }

// Unwrap returns what is impossible.
func (e *ImpossibleError) Unwrap() error { return e.Err }

// Rate allows N deliveries in Per; the zero value allows any number.
type Rate struct {
	N   int
	Per time.Duration
}

// Options of a Dispatcher. Plugin, Journal, Target, Log and Metrics are required.
type Options struct {
	// Plugin is the name whose deliveries are claimed.
	Plugin  string
	Journal Journal
	Target  Target
	// Concurrency limits the deliveries in flight below the session's window; 0: the window.
	Concurrency int
	Rate        Rate
	// DrainTimeout is how long Run waits for results after its context ended; 0: 10 s.
	DrainTimeout time.Duration
	// Effects may be nil: a delivery whose result asks for an effect becomes a dead letter.
	Effects Effects
	Log     *slog.Logger
	Metrics *Metrics
	// Now and Rand (in [0,1)) default to time.Now and math/rand.
	Now  func() time.Time
	Rand func() float64
}

// Bounds of the pipeline.
const (
	defaultDrainTimeout = 10 * time.Second
	// settleGrace is how long the last outcomes may take to be recorded after the drain.
	settleGrace = 5 * time.Second
	// maxSendCount and maxSendBytes bound one message; larger ones gain nothing.
	maxSendCount = 64
	maxSendBytes = 256 << 10
	// maxUnsettled bounds the outcomes in memory that the journal has not recorded, and with it the duplicates after a crash
	// of the router. Beyond it nothing is claimed.
	maxUnsettled = 4096
	// maxHangs is how many deliveries in a row may go unanswered before the plugin is restarted.
	maxHangs = 3
)

// Dispatcher delivers for one plugin. Make it with New and run it once.
type Dispatcher struct {
	o        Options
	limiter  *rate.Limiter // nil: no limit
	log      *slog.Logger
	metrics  *pluginMetrics
	settler  *settler
	strange  rate.Sometimes // logs of ignored results
	claiming signal         // room may have grown
	sending  signal         // something may be sendable
	watching signal         // the first deadline came closer
	landed   signal         // nothing is in flight

	mu       sync.Mutex
	window   int // 0: no session, or draining
	maxBatch int
	queue    []*journal.Delivery // claimed, not sent; never more than the window
	flying   flights
	alone    bool // a suspect is in flight: nothing else may be
	suspects suspects
	armed    time.Time // when the watcher looks next
	hangs    int       // deliveries without answer since the last result
	heard    time.Time // of the last result
	restart  bool      // Target.Restart was called for this session
}

// New makes a Dispatcher; nothing happens before Run.
func New(o Options) *Dispatcher {
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = defaultDrainTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	d := &Dispatcher{
		o:        o,
		limiter:  limiter(o.Rate),
		log:      o.Log.With("plugin", o.Plugin),
		metrics:  o.Metrics.of(o.Plugin),
		strange:  rate.Sometimes{Interval: 10 * time.Second},
		claiming: newSignal(),
		sending:  newSignal(),
		watching: newSignal(),
		landed:   newSignal(),
		flying:   newFlights(),
		suspects: make(suspects),
	}
	d.settler = newSettler(o.Journal, d.log, d.claiming)
	return d
}

// limiter allows bursts of what 10 ms are worth, at least one delivery: finer than that a timer does not go, and a larger burst
// would let through nearly twice the rate in the first Per.
func limiter(r Rate) *rate.Limiter {
	if r.N <= 0 || r.Per <= 0 {
		return nil
	}
	perSecond := float64(r.N) / r.Per.Seconds()
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/100)))
}

// Run delivers until ctx ends. Then it claims and sends nothing more, waits up to DrainTimeout for the results of what is in
// flight, releases the rest, and returns when the outcomes are recorded. It returns nil after a complete stop, otherwise what
// kept it: the journal was closed, or outcomes could not be recorded (those deliveries will be sent again).
func (d *Dispatcher) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	recording, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var claiming, settling sync.WaitGroup
	var claimErr error
	for range settleWorkers {
		settling.Go(func() { d.settler.run(recording) })
	}
	claiming.Go(func() {
		defer stop()
		claimErr = d.claim(ctx)
	})
	d.deliver(ctx)
	claiming.Wait()
	d.settler.add(d.release())
	d.settler.close()
	defer time.AfterFunc(settleGrace, giveUp).Stop()
	settling.Wait()
	return errors.Join(claimErr, d.settler.unrecorded())
}

// signal wakes one waiting goroutine; it is remembered until somebody waits, and never counted.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// pause waits with exponential growth between failures of the same thing.
type pause struct{ next time.Duration }

const (
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
)

func (p *pause) reset() { p.next = 0 }

// wait returns early when ctx ends.
func (p *pause) wait(ctx context.Context) {
	p.next = min(max(p.next*2, minPause), maxPause)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
