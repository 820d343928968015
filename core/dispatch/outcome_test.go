package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/pointsman/pointsman/core/journal"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

type effectsFunc func(*journal.Delivery, []*pluginv1.Effect) error

func (f effectsFunc) Apply(_ context.Context, d *journal.Delivery, e []*pluginv1.Effect) (string, error) {
	if err := f(d, e); err != nil {
		return "", err
	}
	return "room a: 2 connections", nil
}

func TestOutcome(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	broadcast := []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomBroadcast{RoomBroadcast: &pluginv1.RoomBroadcast{}}}}
	works := effectsFunc(func(*journal.Delivery, []*pluginv1.Effect) error { return nil })
	broken := effectsFunc(func(*journal.Delivery, []*pluginv1.Effect) error { return errors.New("no such room") })
	impossible := effectsFunc(func(*journal.Delivery, []*pluginv1.Effect) error {
		return fmt.Errorf("emit: %w", &ImpossibleError{errors.New("no\nsuch source")})
	})
	tests := []struct {
		name       string
		result     *pluginv1.Result
		effects    Effects
		wantResult string
		want       journal.Settlement
	}{
		{
			"done", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Receipt: "id\n7"}, nil, resultDone,
			journal.Settlement{Outcome: journal.Done, Receipt: "id 7"},
		},
		{
			"retry", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "busy"}, nil, resultRetry,
			journal.Settlement{Outcome: journal.Retry, At: now.Add(500 * time.Millisecond), Error: "busy"},
		},
		{
			"retry without a message", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_RETRY}, nil, resultRetry,
			journal.Settlement{Outcome: journal.Retry, At: now.Add(500 * time.Millisecond), Error: "the plugin gave no reason"},
		},
		{
			"retry after", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "429", RetryAfter: durationpb.New(time.Minute)}, nil, resultRetry,
			journal.Settlement{Outcome: journal.Retry, At: now.Add(time.Minute), Error: "429"},
		},
		{
			"retry after a negative time", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "429", RetryAfter: durationpb.New(-time.Minute)}, nil, resultRetry,
			journal.Settlement{Outcome: journal.Retry, At: now.Add(100 * time.Millisecond), Error: "429"},
		},
		{
			"retry too late", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: "429", RetryAfter: durationpb.New(2 * time.Hour)}, nil, resultRetry,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonExpired, Error: "the plugin requested a wait of 2h0m0s, which ends after max_age 1h0m0s: 429"},
		},
		{
			"reject", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_REJECT, Message: "no such channel"}, nil, resultRejected,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "no such channel"},
		},
		{
			"no outcome", &pluginv1.Result{}, nil, resultBad,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonBadMessage, Error: "the plugin answered with outcome 0, which is neither done, retry nor reject"},
		},
		{
			"outcome of the future", &pluginv1.Result{Outcome: 9}, nil, resultBad,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonBadMessage, Error: "the plugin answered with outcome 9, which is neither done, retry nor reject"},
		},
		{
			"effect without Effects", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Effects: broadcast}, nil, resultBad,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonBadMessage, Error: "the plugin requests an effect (room_broadcast) that this router cannot apply"},
		},
		{
			"effect", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Receipt: "id 7", Effects: broadcast}, works, resultDone,
			journal.Settlement{Outcome: journal.Done, Receipt: "id 7; room a: 2 connections"},
		},
		{
			"effect fails", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Effects: broadcast}, broken, resultRetry,
			journal.Settlement{Outcome: journal.Retry, At: now.Add(500 * time.Millisecond), Error: "effect: no such room"},
		},
		{
			"effect that can't be", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Effects: broadcast}, impossible, resultBad,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonBadMessage, Error: "effect: no such source"},
		},
		{
			"effect of what is not done", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_REJECT, Message: "no", Effects: broadcast}, broken, resultRejected,
			journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "no"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &Dispatcher{o: Options{Effects: tt.effects, Rand: func() float64 { return 0.5 }}}
			x := sentDelivery{delivery: &journal.Delivery{Seq: 4, Attempt: 1, Received: now, Policy: journal.Policy{MaxAge: time.Hour}}}
			got := d.outcome(t.Context(), x, tt.result, now)
			if got.result != tt.wantResult {
				t.Errorf("result %q, want %q", got.result, tt.wantResult)
			}
			tt.want.Seq = 4
			if diff := cmp.Diff(tt.want, got.settlement); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestJudgeAll: results that emit meet in Apply, where they would wait for ever if they came one by one; the others keep their
// order.
func TestJudgeAll(t *testing.T) {
	emit := []*pluginv1.Effect{{Effect: &pluginv1.Effect_Emit{Emit: &pluginv1.Emit{}}}}
	say := []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{}}}}
	var (
		together sync.WaitGroup
		applied  []int64
		ended    []attempt
	)
	together.Add(3)
	meet := effectsFunc(func(d *journal.Delivery, effects []*pluginv1.Effect) error {
		if effects[0].GetEmit() != nil {
			together.Done()
			together.Wait()
			return nil
		}
		applied = append(applied, d.Seq)
		return nil
	})
	for seq, effects := range [][]*pluginv1.Effect{emit, say, nil, emit, say, emit, say} {
		ended = append(ended, attempt{
			sentDelivery: sentDelivery{delivery: &journal.Delivery{Seq: int64(seq)}},
			answer:       &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_DONE, Effects: effects},
		})
	}
	(&Dispatcher{o: Options{Effects: meet}}).outcomes(t.Context(), ended, time.Now())
	for seq, a := range ended {
		if a.settlement.Seq != int64(seq) || a.settlement.Outcome != journal.Done {
			t.Errorf("%d became %+v", seq, a.settlement)
		}
	}
	if diff := cmp.Diff([]int64{1, 4, 6}, applied); diff != "" {
		t.Error(diff)
	}
}
