package sdk

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// RetryAfter is err with the time after which another attempt makes sense, such as an HTTP Retry-After. The router may wait
// longer, never shorter. Zero leaves it to the router, as any other error does.
func RetryAfter(err error, d time.Duration) error {
	return &outcomeError{err: orText(err, "try again later"), outcome: pluginv1.Outcome_OUTCOME_RETRY, after: max(d, 0)}
}

// Reject is err, and no further attempt: the delivery can never be done, and becomes a dead letter with err's text. The end
// of ctx is no reason to reject: it makes a rejection that wraps it a retry.
func Reject(err error) error {
	return &outcomeError{err: orText(err, "rejected"), outcome: pluginv1.Outcome_OUTCOME_REJECT}
}

// orText: a nil error passed by mistake must not turn into success.
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

// maxMessage bounds the texts of a result: they are stored with the delivery and shown to people.
const maxMessage = 4 << 10

// resultOf says what a handler's error means for the delivery.
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

// clip keeps a text valid UTF-8, as protobuf demands, and bounded.
func clip(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
