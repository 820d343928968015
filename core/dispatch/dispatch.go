// Package dispatch takes the deliveries of one plugin from the journal to the plugin and settles them: batches, window, order,
// rate, deadlines, retries, and the detection of deliveries that crash the plugin.
//
// Four steps overlap, each in a goroutine of its own: claim takes due deliveries from the journal into a queue, send moves them
// from the queue into flight, receive takes results out of flight, and settle workers make the outcomes durable. A delivery is
// in exactly one of queue, in-flight set and settler. A slot of the plugin's window is free again as soon as the result is
// there, while its outcome is still being committed. The order of a key is kept all the same, because the journal does not
// hand out the next delivery of a key before the one ahead is settled.
//
// Invariant: each claimed delivery is settled exactly once per attempt, whatever the plugin does. Deliveries that a stop or a
// failed journal leaves unsettled are claimed again at the next start, with the same attempt number.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
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
	// Session waits until the plugin is ready. The dispatcher closes one session before it opens the next.
	Session(ctx context.Context) (Session, error)
	// Restart ends a plugin's process that does not answer any more, and with it the session. It does not wait.
	Restart(reason string)
}

// Session is one connection to a running plugin. Send and Recv are called by one goroutine each, Close at any time.
type Session interface {
	// Window is how many deliveries may be unanswered, MaxBatch how many one Send may carry. Both are at least 1.
	Window() int
	MaxBatch() int
	// Send hands deliveries over. The caller may reuse the slice when Send returns; nobody changes the bytes in it.
	Send(deliveries []pluginhost.Delivery) error
	// Recv waits for results, in any order. An error means that the session is over and that the outcome of every
	// unanswered delivery is unknown; its text explains what happened to the plugin.
	Recv() ([]*pluginv1.Result, error)
	// Close makes Send and Recv return. It may be called more than once.
	Close()
}

// Effects carries out the effects that a plugin requests in its results. The dispatcher calls Apply before it settles a
// delivery that is done. Results behind it wait, so Apply must not block for long. Results of one message that emit events are
// applied concurrently, so that their events share a commit. did describes in one line what was done; it becomes part of the receipt. An
// error turns the attempt into a retry, an *ImpossibleError the delivery into a dead letter.
type Effects interface {
	Apply(ctx context.Context, d *journal.Delivery, effects []*pluginv1.Effect) (did string, err error)
}

// ImpossibleError is an error of Effects that no retry can fix.
type ImpossibleError struct{ Err error }

func (e *ImpossibleError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
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
	// Effects may be nil: a delivery whose result requests an effect becomes a dead letter.
	Effects Effects
	Log     *slog.Logger
	Metrics *Metrics
	// Now and Rand (in [0,1)) default to time.Now and math/rand.
	Now  func() time.Time
	Rand func() float64
}

// Limits of the pipeline.
const (
	defaultDrainTimeout = 10 * time.Second
	// settleGrace is how long recording the last outcomes may take after the drain.
	settleGrace = 5 * time.Second
	// maxSendCount and maxSendBytes limit one message. Larger ones were not faster.
	maxSendCount = 64
	maxSendBytes = 256 << 10
	// maxUnsettled limits the outcomes in memory that the journal has not recorded, and thereby the duplicates after a crash
	// of the router. Nothing is claimed beyond it.
	maxUnsettled = 4096
	// maxTimeouts is how many deliveries in a row may time out before the plugin is restarted.
	maxTimeouts = 3
)

// Dispatcher delivers to one plugin. Make it with New and run it once.
type Dispatcher struct {
	o          Options
	limiter    *rate.Limiter // nil: no limit
	log        *slog.Logger
	metrics    *pluginMetrics
	settler    *settler
	ignoredLog rate.Sometimes // limits the log lines about ignored results
	stopping   atomic.Bool    // Run's context has ended

	// What one step signals to another.
	claiming signal // more deliveries may be claimed
	sending  signal // the first delivery of the queue may be sendable
	watching signal // the earliest deadline has changed
	idle     signal // nothing is in flight

	mu          sync.Mutex // guards everything below
	window      int        // 0: no session, or draining
	maxBatch    int
	queue       []*journal.Delivery // claimed, not sent; never more than the window
	inFlight    inFlightSet
	poison      poisonDetector
	exclusive   bool      // a suspect is in flight: send nothing else
	nextTimeout time.Time // when watch checks deadlines next
	timeouts    int       // deliveries in a row that had no answer in time
	lastResult  time.Time // when the plugin last answered
	restart     bool      // Target.Restart was called for this session
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
		o:          o,
		limiter:    limiter(o.Rate),
		log:        o.Log.With("plugin", o.Plugin),
		metrics:    o.Metrics.of(o.Plugin),
		ignoredLog: rate.Sometimes{Interval: 10 * time.Second},
		claiming:   newSignal(),
		sending:    newSignal(),
		watching:   newSignal(),
		idle:       newSignal(),
		inFlight:   newInFlightSet(),
		poison:     make(poisonDetector),
	}
	d.settler = newSettler(o.Journal, d.log, d.claiming)
	return d
}

// limiter allows bursts of 10 ms of the rate, at least one delivery. Timers are not much finer than that, and a burst of one
// Per would let nearly twice the rate through in the first Per.
func limiter(r Rate) *rate.Limiter {
	if r.N <= 0 || r.Per <= 0 {
		return nil
	}
	perSecond := float64(r.N) / r.Per.Seconds()
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/100)))
}

// Run delivers until ctx ends. Then it stops claiming and sending, waits up to DrainTimeout for the results of what is in
// flight, releases the rest, and returns when the outcomes are recorded. It returns an error if the journal was closed or
// outcomes could not be recorded; the deliveries of those will be sent again.
func (d *Dispatcher) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { d.stopping.Store(true) })()
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

// signal wakes one waiting goroutine. Set before anyone waits it is kept, set twice it counts once.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// pause waits between failures of one operation, exponentially longer each time.
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
