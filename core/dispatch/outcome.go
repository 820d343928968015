package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// attempt is one attempt that has ended.
type attempt struct {
	sentDelivery
	answer     *pluginv1.Result // nil: timeout or lost
	result     string
	settlement journal.Settlement
}

// noRetryAfter means that the plugin requested no wait and that the retry schedule decides.
const noRetryAfter time.Duration = -1

// outcome turns the plugin's result into the outcome of the attempt.
func (d *Dispatcher) outcome(ctx context.Context, x sentDelivery, r *pluginv1.Result, now time.Time) attempt {
	switch r.GetOutcome() {
	case pluginv1.Outcome_OUTCOME_DONE:
		return d.done(ctx, x, r, now)
	case pluginv1.Outcome_OUTCOME_RETRY:
		if r.GetNotStarted() && d.stopping.Load() {
			// The next dispatcher of the plugin delivers it. While this one goes on, a plugin that starts on nothing gets its
			// attempts counted like any other.
			return attempt{sentDelivery: x, settlement: journal.Settlement{Seq: x.delivery.Seq, Outcome: journal.Release}}
		}
		wait := noRetryAfter
		if r.GetRetryAfter() != nil {
			wait = max(0, r.GetRetryAfter().AsDuration())
		}
		return d.failed(x, resultRetry, now, wait, reasonText(r))
	case pluginv1.Outcome_OUTCOME_REJECT:
		return dead(x, resultRejected, journal.ReasonRejected, reasonText(r))
	default:
		return dead(x, resultBad, journal.ReasonBadMessage,
			fmt.Sprintf("the plugin answered with outcome %d, which is neither done, retry nor reject", r.GetOutcome()))
	}
}

// done returns a successful attempt, or a failed one if the router cannot apply the effects that the plugin requests.
func (d *Dispatcher) done(ctx context.Context, x sentDelivery, r *pluginv1.Result, now time.Time) attempt {
	receipt := r.GetReceipt()
	if len(r.GetEffects()) > 0 {
		if d.o.Effects == nil {
			return dead(x, resultBad, journal.ReasonBadMessage,
				fmt.Sprintf("the plugin requests an effect (%s) that this router cannot apply", effectName(r.GetEffects()[0])))
		}
		did, err := d.o.Effects.Apply(ctx, x.delivery, r.GetEffects())
		if impossible, ok := errors.AsType[*ImpossibleError](err); ok {
			return dead(x, resultBad, journal.ReasonBadMessage, oneLine("effect: "+impossible.Error()))
		}
		if err != nil {
			return d.failed(x, resultRetry, now, noRetryAfter, oneLine("effect: "+err.Error()))
		}
		receipt = strings.TrimPrefix(receipt+"; "+did, "; ")
	}
	return attempt{sentDelivery: x, result: resultDone, settlement: journal.Settlement{
		Seq: x.delivery.Seq, Outcome: journal.Done, Receipt: oneLine(receipt),
	}}
}

// outcomes sets the outcomes of answered attempts in place, in order, except that attempts that emit events run concurrently:
// each waits for a commit of the journal.
func (d *Dispatcher) outcomes(ctx context.Context, ended []attempt, now time.Time) {
	var emitting sync.WaitGroup
	for i := range ended {
		a := &ended[i]
		if slices.ContainsFunc(a.answer.GetEffects(), emits) {
			emitting.Go(func() { *a = d.outcome(ctx, a.sentDelivery, a.answer, now) })
			continue
		}
		*a = d.outcome(ctx, a.sentDelivery, a.answer, now)
	}
	emitting.Wait()
}

func emits(e *pluginv1.Effect) bool { return e.GetEmit() != nil }

func reasonText(r *pluginv1.Result) string {
	if text := oneLine(r.GetMessage()); text != "" {
		return text
	}
	return "the plugin gave no reason"
}

func effectName(e *pluginv1.Effect) string {
	switch e.GetEffect().(type) {
	case *pluginv1.Effect_RoomBroadcast:
		return "room_broadcast"
	case *pluginv1.Effect_RoomSend:
		return "room_send"
	case *pluginv1.Effect_Emit:
		return "emit"
	default:
		return "unknown"
	}
}

// failed returns an attempt that is retried, or a dead letter if its attempts or its time have run out.
func (d *Dispatcher) failed(x sentDelivery, result string, now time.Time, wait time.Duration, text string) attempt {
	at, reason := nextAttempt(x.delivery, now, wait, d.o.Rand())
	if reason == "" {
		return attempt{sentDelivery: x, result: result, settlement: journal.Settlement{
			Seq: x.delivery.Seq, Outcome: journal.Retry, At: at, Error: text,
		}}
	}
	if reason == journal.ReasonExpired && wait > 0 {
		text = fmt.Sprintf("the plugin requested a wait of %s, which ends after max_age %s: %s", wait, withDefaults(x.delivery.Policy).MaxAge, text)
	}
	return dead(x, result, reason, text)
}

// dead returns an attempt whose delivery becomes a dead letter.
func dead(x sentDelivery, result, reason, text string) attempt {
	return attempt{sentDelivery: x, result: result, settlement: journal.Settlement{
		Seq: x.delivery.Seq, Outcome: journal.Dead, Reason: reason, Error: text,
	}}
}

func poisoned(x sentDelivery, cause error) attempt {
	return dead(x, resultLost, journal.ReasonPoison,
		fmt.Sprintf("the plugin crashed %d times with only this delivery in flight: %s", soloCrashes, oneLine(cause.Error())))
}

// settle counts and logs attempts that have ended, and passes their outcomes to the settler.
func (d *Dispatcher) settle(ended []attempt, now time.Time) {
	if len(ended) == 0 {
		return
	}
	settlements := make([]journal.Settlement, len(ended))
	for i := range ended {
		a := &ended[i]
		settlements[i] = a.settlement
		if a.settlement.Outcome != journal.Release {
			d.metrics.count(a, now)
			d.report(a, now)
		}
	}
	d.settler.add(settlements)
}

// report logs an attempt: a success at DEBUG, a retry at WARN, a dead letter at ERROR.
func (d *Dispatcher) report(a *attempt, now time.Time) {
	level, outcome := slog.LevelDebug, "done"
	switch a.settlement.Outcome {
	case journal.Retry:
		level, outcome = slog.LevelWarn, "retry"
	case journal.Dead:
		level, outcome = slog.LevelError, "dead"
	}
	ctx := context.Background()
	if !d.log.Enabled(ctx, level) {
		return
	}
	x := a.delivery
	attrs := []slog.Attr{
		slog.String("event_id", x.EventID), slog.String("source", x.Source), slog.String("rule", x.Rule),
		slog.String("delivery_id", x.ID), slog.Int("attempt", x.Attempt), slog.String("outcome", outcome),
		slog.String("result", a.result), slog.Duration("duration", now.Sub(a.sent)),
	}
	if text := a.settlement.Error; text != "" {
		if journal.IsSensitive(x.Envelope) {
			text = "(sensitive)" // it may quote the event
		}
		attrs = append(attrs, slog.String("err", text))
	}
	d.log.LogAttrs(ctx, level, "attempt ended", attrs...)
}
