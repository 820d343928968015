package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Protocol is what one kind of webhook adds to Webhook. Its methods are called concurrently.
type Protocol interface {
	// Verify says whether the request is authentic, from its header and the raw body (r.Body is used up). It returns the
	// position of the secret that proved it, or -1 when there is none to count. The error is *Refused when the request is
	// not authentic; any other error means that this could not be found out, and the sender is asked to try again.
	Verify(r *http.Request, body []byte) (slot int, err error)
	// Decode makes events of an authentic body. It is pure, and sets what is particular to the kind: id, type, subject, time,
	// attributes, data and keys. Webhook sets the rest. Body is never changed afterwards, so results may share its memory.
	// An error, *Undecodable as a rule, quarantines the body. No event and no error: the body needs no event.
	Decode(header http.Header, body []byte, received time.Time) ([]Event, error)
}

// Refused is the error of Protocol.Verify for a request that is not authentic.
type Refused struct {
	// Reason is one word of a small fixed set; it labels a metric and is never told to the sender.
	Reason string
}

// Error returns the reason.
func (e *Refused) Error() string { return e.Reason }

// WebhookOptions are what a kind of webhook is made of.
type WebhookOptions struct {
	Deps
	Kind, Path string
	Protocol   Protocol
	Limits     Limits
	// Success answers what was accepted, Refusal what is not authentic. Default 204 and 401.
	Success, Refusal int
	// Secrets is how many positions Protocol.Verify can return.
	Secrets int
	// KnownTypes, RefusalReasons and QuarantineReasons are the label values that metrics start with.
	KnownTypes, RefusalReasons, QuarantineReasons []string
}

// status returns the status code of an outcome for this kind of webhook.
func (o *WebhookOptions) status(out outcome) int {
	switch status := out.info().status; {
	case out == refused && o.Refusal != 0:
		return o.Refusal
	case status == http.StatusNoContent && o.Success != 0:
		return o.Success
	default:
		return status
	}
}

// Webhook is a source whose sender posts one signed body per request.
type Webhook struct {
	options  WebhookOptions
	limits   Limits
	metrics  *sourceMetrics
	log      *slog.Logger
	samples  [outcomes]sample
	inFlight atomic.Int64
}

// NewWebhook returns a Webhook, or an error when its path is not one or something required is missing.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Path == "" {
		o.Path = DefaultPath(o.Name)
	}
	if err := CheckPath(o.Path); err != nil {
		return nil, fmt.Errorf("source %q: %w", o.Name, err)
	}
	return &Webhook{options: o, limits: o.Limits.withDefaults(), metrics: o.Metrics.of(&o), log: o.Log.With("source", o.Name)}, nil
}

// Name returns the name of the source.
func (h *Webhook) Name() string { return h.options.Name }

// Kind returns the kind of the source.
func (h *Webhook) Kind() string { return h.options.Kind }

// Path returns where the source is to be mounted.
func (h *Webhook) Path() string { return h.options.Path }

// result is what handle found out about a request.
type result struct {
	outcome outcome
	// eventID is the id of the first event, once there is one.
	eventID string
	err     error
}

// ServeHTTP answers one request. A panic is logged and answered with 500; the process goes on.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			h.finish(w, r, result{outcome: panicked, err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())})
		}
	}()
	h.finish(w, r, h.handle(w, r))
}

func (h *Webhook) finish(w http.ResponseWriter, r *http.Request, res result) {
	h.metrics.requests[res.outcome].Inc()
	status, requestID := h.options.status(res.outcome), ""
	if status >= 300 {
		requestID = newRequestID()
	}
	h.report(r, res, requestID)
	answer(w, res.outcome, status, requestID)
}

func (h *Webhook) handle(w http.ResponseWriter, r *http.Request) result {
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		return result{outcome: healthy}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return result{outcome: methodNotAllowed}
	}
	defer h.inFlight.Add(-1)
	if h.inFlight.Add(1) > h.limits.InFlight {
		return result{outcome: overloaded}
	}
	if e := r.Header["Content-Encoding"]; len(e) > 0 && (len(e) > 1 || e[0] != "identity") {
		return result{outcome: unsupportedEncoding}
	}
	body, out, err := readBody(w, r, &h.limits)
	if out != accepted {
		return result{outcome: out, err: err}
	}
	start := time.Now()
	if out, err := h.verify(r, body); out != accepted {
		return result{outcome: out, err: err}
	}
	res := h.accept(r, body)
	if res.outcome != notStored {
		h.metrics.duration.Observe(time.Since(start).Seconds())
	}
	return res
}

func (h *Webhook) verify(r *http.Request, body []byte) (outcome, error) {
	slot, err := h.options.Protocol.Verify(r, body)
	if err == nil {
		if slot >= 0 {
			h.metrics.secretUsed[slot].Inc()
		}
		return accepted, nil
	}
	if refusal, ok := errors.AsType[*Refused](err); ok {
		count(h.metrics.authFailures, refusal.Reason)
		return refused, err
	}
	return notVerified, err
}

// accept decodes an authentic body and hands its events over.
func (h *Webhook) accept(r *http.Request, body []byte) result {
	received := h.options.Now()
	events, undecodable := h.options.Protocol.Decode(r.Header, body, received)
	if undecodable != nil {
		events = []Event{quarantine(h.options.Kind, body, undecodable)}
	}
	if len(events) == 0 {
		return result{outcome: accepted}
	}
	h.stamp(r.Header, body, received, events)
	res := result{outcome: notStored, eventID: events[0].Envelope.GetId(), err: undecodable}
	types := appendTypes(make([]string, 0, 4), events) // before Intake owns the events
	// A sender that hangs up must not stop the append: it may never send again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.limits.Accept)
	defer cancel()
	stored, err := h.options.Intake.Accept(ctx, events)
	switch {
	case err != nil:
		res.err = err
	case len(stored) != len(types):
		res.err = fmt.Errorf("intake answered for %d of %d events", len(stored), len(types))
	default:
		res.outcome = h.countStored(stored, types, undecodable)
	}
	return res
}

func appendTypes(types []string, events []Event) []string {
	for i := range events {
		types = append(types, events[i].Envelope.GetType())
	}
	return types
}

// countStored counts the events of one request and returns the outcome that they make together.
func (h *Webhook) countStored(stored []Accepted, types []string, undecodable error) outcome {
	out := duplicate
	for i, s := range stored {
		switch {
		case s.Duplicate:
			h.metrics.duplicates.Inc()
		case undecodable != nil:
			count(h.metrics.quarantined, reasonOf(undecodable))
			out = quarantined
		default:
			h.metrics.countAccepted(types[i])
			out = accepted
		}
	}
	return out
}
