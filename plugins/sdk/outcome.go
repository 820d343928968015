package sdk

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// RetryAfter wraps err with the earliest time of the next attempt, such as that of an HTTP Retry-After. The router may wait
// longer, but never shorter. Zero leaves the time to the router's schedule, as any other error does.
func RetryAfter(err error, d time.Duration) error {
	return &outcomeError{err: orText(err, "try again later"), outcome: pluginv1.Outcome_OUTCOME_RETRY, after: max(d, 0)}
}

// Reject wraps err to say that no retry can succeed: the delivery becomes a dead letter with err's text. An err that wraps the
// error of the ended ctx is retried all the same.
func Reject(err error) error {
	return &outcomeError{err: orText(err, "rejected"), outcome: pluginv1.Outcome_OUTCOME_REJECT}
}

// orText replaces a nil error, which a handler passed by mistake and which must not count as success.
func orText(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

type outcomeError struct {
	err     error
	outcome pluginv1.Outcome
	after   time.Duration
}

func (e *outcomeError) Error() string { return e.err.Error() }
func (e *outcomeError) Unwrap() error { return e.err }

// maxMessage limits the texts of a result, which are stored with the delivery and shown to people.
const maxMessage = 4 << 10

// resultOf turns a handler's error into the delivery's result.
func resultOf(ctx context.Context, id string, err error) *pluginv1.Result {
	if err == nil {
		return &pluginv1.Result{Id: id, Outcome: pluginv1.Outcome_OUTCOME_DONE}
	}
	r := &pluginv1.Result{Id: id, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: clip(err.Error())}
	var o *outcomeError
	if !errors.As(err, &o) {
		return r
	}
	if o.after > 0 {
		r.RetryAfter = durationpb.New(o.after)
	}
	if end := ctx.Err(); end == nil || !errors.Is(err, end) {
		r.Outcome = o.outcome
	}
	return r
}

func retry(id, message string) *pluginv1.Result {
	return &pluginv1.Result{Id: id, Outcome: pluginv1.Outcome_OUTCOME_RETRY, Message: message}
}

// notStarted answers a delivery that arrives after Drain.
func notStarted(id string) *pluginv1.Result {
	r := retry(id, "the plugin is stopping and accepts no more deliveries")
	r.NotStarted = true
	return r
}

// clip makes a text valid UTF-8, which protobuf requires, and limits its length.
func clip(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
