package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// attempt is one attempt that has ended.
type attempt struct {
	flight
	answer     *pluginv1.Result // nil: there was none
	result     string
	settlement journal.Settlement
}

// unasked stands for a wait that the plugin did not ask for: the schedule decides.
const unasked time.Duration = -1

// judge turns the plugin's answer into an outcome.
func (d *Dispatcher) judge(ctx context.Context, x flight, r *pluginv1.Result, now time.Time) attempt {
	switch r.GetOutcome() {
	case pluginv1.Outcome_OUTCOME_DONE:
		return d.done(ctx, x, r, now)
	case pluginv1.Outcome_OUTCOME_RETRY:
		wait := unasked
		if r.GetRetryAfter() != nil {
			wait = max(0, r.GetRetryAfter().AsDuration())
		}
		return d.failed(x, resultRetry, now, wait, reasonGiven(r))
	case pluginv1.Outcome_OUTCOME_REJECT:
		return dead(x, resultRejected, journal.ReasonRejected, reasonGiven(r))
	default:
		return dead(x, resultBad, journal.ReasonBadMessage,
			fmt.Sprintf("the plugin answered with outcome %d, which is neither done, retry nor reject", r.GetOutcome()))
	}
}

// done is an attempt that succeeded, unless the router can't do its part of it.
func (d *Dispatcher) done(ctx context.Context, x flight, r *pluginv1.Result, now time.Time) attempt {
	if len(r.GetEffects()) > 0 {
		if d.o.Effects == nil {
			return dead(x, resultBad, journal.ReasonBadMessage,
				fmt.Sprintf("the plugin asks for an effect (%s), and there is nobody to do it", effectName(r.GetEffects()[0])))
		}
		err := d.o.Effects.Apply(ctx, x.delivery, r.GetEffects())
		if impossible, ok := errors.AsType[*ImpossibleError](err); ok {
			return dead(x, resultBad, journal.ReasonBadMessage, oneLine("effect: "+impossible.Error()))
		}
		if err != nil {
			return d.failed(x, resultRetry, now, unasked, oneLine("effect: "+err.Error()))
		}
	}
	return attempt{flight: x, result: resultDone, settlement: journal.Settlement{
		Seq: x.delivery.Seq, Outcome: journal.Done, Receipt: oneLine(r.GetReceipt()),
	}}
}

// judgeAll judges attempts that have answers, in place and in order, save that those that emit events do not wait for one
// another: each waits for a commit of the journal.
func (d *Dispatcher) judgeAll(ctx context.Context, ended []attempt, now time.Time) {
	var emitting sync.WaitGroup
	for i := range ended {
		a := &ended[i]
		if slices.ContainsFunc(a.answer.GetEffects(), emits) {
			emitting.Go(func() { *a = d.judge(ctx, a.flight, a.answer, now) })
			continue
		}
		*a = d.judge(ctx, a.flight, a.answer, now)
	}
	emitting.Wait()
}

func emits(e *pluginv1.Effect) bool { return e.GetEmit() != nil }

func reasonGiven(r *pluginv1.Result) string {
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

// failed is an attempt that another one follows, within the budget.
func (d *Dispatcher) failed(x flight, result string, now time.Time, wait time.Duration, text string) attempt {
	at, reason := nextAttempt(x.delivery, now, wait, d.o.Rand())
	if reason == "" {
		return attempt{flight: x, result: result, settlement: journal.Settlement{
			Seq: x.delivery.Seq, Outcome: journal.Retry, At: at, Error: text,
		}}
	}
	if reason == journal.ReasonExpired && wait > 0 {
		text = fmt.Sprintf("asked to wait %s, which is beyond max_age %s: %s", wait, withDefaults(x.delivery.Policy).MaxAge, text)
	}
	return dead(x, result, reason, text)
}

// dead is an attempt that no other follows.
func dead(x flight, result, reason, text string) attempt {
	return attempt{flight: x, result: result, settlement: journal.Settlement{
		Seq: x.delivery.Seq, Outcome: journal.Dead, Reason: reason, Error: text,
	}}
}

func poisoned(x flight, cause error) attempt {
	return dead(x, resultLost, journal.ReasonPoison,
		fmt.Sprintf("the plugin crashed %d times with only this delivery in flight: %s", lonelyCrashes, oneLine(cause.Error())))
}

// settle counts and logs attempts that have ended and passes their outcomes on.
func (d *Dispatcher) settle(ended []attempt, now time.Time) {
	if len(ended) == 0 {
		return
	}
	settlements := make([]journal.Settlement, len(ended))
	for i := range ended {
		a := &ended[i]
		settlements[i] = a.settlement
		d.metrics.count(a, now)
		d.report(a, now)
	}
	d.settler.add(settlements)
}

// report writes the one line about an attempt.
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
	if a.settlement.Error != "" {
		attrs = append(attrs, slog.String("err", a.settlement.Error))
	}
	d.log.LogAttrs(ctx, level, "attempt ended", attrs...)
}
