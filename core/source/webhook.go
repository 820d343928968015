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
	// A body of several events may hold some that are quarantined, made by Quarantined. An error, *Undecodable as a rule,
	// quarantines the whole body; *Refused refuses it, when it is authentic but not meant for this source. No event and no
	// error: the body needs no event.
	Decode(header http.Header, body []byte, received time.Time) ([]Event, error)
}

// Handshaker is a Protocol whose sender asks something before it sends events, such as to confirm a subscription.
type Handshaker interface {
	// Handshake answers an authentic body that is a question; nothing of it is stored. nil and no error: it is none. The
	// error is *Refused when the question is not for us; any other error asks the sender to try again.
	Handshake(r *http.Request, body []byte) (*Reply, error)
}

// Reply is the answer to a question, sent with status 200.
type Reply struct {
	// ContentType of Body; both may be empty.
	ContentType string
	Body        []byte
}

// Refused is the error of a request that is not authentic, or not meant for this source.
type Refused struct {
	// Reason is one word of a small fixed set; it labels a metric and is never told to the sender.
	Reason string
	// Status is 400 (no form in which it could be authentic), 403 (authentic, but nothing that this source takes; or a sender
	// that takes nothing else as final), 404 (nobody may learn that there is something), or 0 for 401.
	Status int
	// Challenge is the value of WWW-Authenticate, for senders that send credentials only when they are asked. May be empty.
	Challenge string
}

// Error returns the reason.
func (e *Refused) Error() string { return e.Reason }

// outcome says how the request is answered.
func (e *Refused) outcome() outcome {
	switch e.Status {
	case http.StatusBadRequest:
		return malformed

	case http.StatusForbidden:
		return forbidden
	case http.StatusNotFound:
		return hidden
	}
	return refused
}

// WebhookOptions are what a kind of webhook is made of.
type WebhookOptions struct {
	Deps
	Kind, Path string
	Protocol   Protocol
	Limits     Limits
	// Subtree lets the webhook also have the requests below Path, whose rest Protocol.Verify must look at: the path may be
	// all that a sender can prove itself by.
	Subtree bool
	// Success answers what was accepted. Default 204.
	Success int
	// Secrets is how many positions Protocol.Verify can return.
	Secrets int
	// KnownTypes, RefusalReasons and QuarantineReasons are the label values that metrics start with.
	KnownTypes, RefusalReasons, QuarantineReasons []string
}

// status returns the status code of an outcome for this kind of webhook.
func (o *WebhookOptions) status(out outcome) int {
	if status := out.info().status; status != http.StatusNoContent || o.Success == 0 {
		return status
	}
	return o.Success
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

// ServesSubtree implements Subtree.
func (h *Webhook) ServesSubtree() bool { return h.options.Subtree }

// result is what handle found out about a request.
type result struct {
	outcome outcome
	// eventID is the id of the first event, once there is one.
	eventID string
	// reply is what a handshake is answered with.
	reply *Reply
	err   error
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
	if refusal, ok := errors.AsType[*Refused](res.err); ok && refusal.Challenge != "" {
		w.Header().Set("WWW-Authenticate", refusal.Challenge)
	}
	if res.reply != nil {
		answerWith(w, status, res.reply)
		return
	}
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
	slot, err := h.options.Protocol.Verify(r, body)
	if err != nil {
		return h.failed(err)
	}
	if slot >= 0 {
		h.metrics.secretUsed[slot].Inc()
	}
	if asked, ok := h.options.Protocol.(Handshaker); ok {
		switch reply, err := asked.Handshake(r, body); {
		case err != nil:
			return h.failed(err)
		case reply != nil:
			return result{outcome: handshake, reply: reply}
		}
	}
	res := h.accept(r, body)
	if res.outcome != notStored {
		h.metrics.duration.Observe(time.Since(start).Seconds())
	}
	return res
}

// failed is the result of a request that is not authentic, or of which that could not be found out.
func (h *Webhook) failed(err error) result {
	if refusal, ok := errors.AsType[*Refused](err); ok {
		count(h.metrics.authFailures, refusal.Reason)
		return result{outcome: refusal.outcome(), err: err}
	}
	return result{outcome: notVerified, err: err}
}

// accept decodes an authentic body and hands its events over.
func (h *Webhook) accept(r *http.Request, body []byte) result {
	received := h.options.Now()
	events, err := h.options.Protocol.Decode(r.Header, body, received)
	if refusal, ok := errors.AsType[*Refused](err); ok {
		return h.failed(refusal)
	}
	if err != nil {
		events = []Event{Quarantined(h.options.Kind, body, err)}
	}
	if len(events) == 0 {
		return result{outcome: accepted}
	}
	h.stamp(r.Header, body, received, events)
	res := result{outcome: notStored, eventID: events[0].Envelope.GetId(), err: err}
	labels := appendLabels(make([]label, 0, 4), events) // before Intake owns the events
	// A sender that hangs up must not stop the append: it may never send again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.limits.Accept)
	defer cancel()
	stored, err := h.options.Intake.Accept(ctx, events)
	switch {
	case err != nil:
		res.err = err
	case len(stored) != len(labels):
		res.err = fmt.Errorf("intake answered for %d of %d events", len(stored), len(labels))
	default:
		res.outcome = h.countStored(stored, labels)
	}
	return res
}

// label is what an event is counted by.
type label struct {
	eventType string
	// quarantined is the reason, empty for a decoded event.
	quarantined string
}

func appendLabels(labels []label, events []Event) []label {
	for i := range events {
		labels = append(labels, label{eventType: events[i].Envelope.GetType(), quarantined: events[i].reason})
	}
	return labels
}

// countStored counts the events of one request and returns the outcome that they make together.
func (h *Webhook) countStored(stored []Accepted, labels []label) outcome {
	out := duplicate
	for i, s := range stored {
		switch {
		case s.Duplicate:
			h.metrics.duplicates.Inc()
		case labels[i].quarantined != "":
			count(h.metrics.quarantined, labels[i].quarantined)
			out = quarantined
		default:
			h.metrics.accepted.Count(labels[i].eventType)
			if out == duplicate {
				out = accepted
			}
		}
	}
	return out
}
