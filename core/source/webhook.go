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

// Protocol is what one kind of webhook adds to Webhook. Its methods must be safe for concurrent use.
type Protocol interface {
	// Verify authenticates the request by its header and raw body (r.Body is already consumed). It returns the position of
	// the secret that matched, or -1 if there is none to count. The error is *Refused if the request is not authentic; after
	// any other error the verification itself failed and the sender should try again.
	Verify(r *http.Request, body []byte) (slot int, err error)
	// Decode makes events of an authentic body. It is pure, and sets what is specific to the kind: id, type, subject, time,
	// attributes, data and keys; Webhook sets the rest. The body never changes afterwards, so the events may share its memory.
	// Single events of a body may be quarantined, see Quarantined. *Refused rejects an authentic body that is not meant for
	// this source; any other error, usually *Undecodable, quarantines the whole body. No events and no error means that the
	// body needs none.
	Decode(header http.Header, body []byte, received time.Time) ([]Event, error)
}

// Handshaker is a Protocol whose sender expects a handshake before it sends events, such as confirming a subscription.
type Handshaker interface {
	// Handshake responds to an authentic body that is a handshake; nothing is stored. It returns nil and no error if the body
	// is none. *Refused rejects the handshake; after any other error the sender should try again.
	Handshake(r *http.Request, body []byte) (*Reply, error)
}

// Reply is the response to a handshake, sent with status 200.
type Reply struct {
	// ContentType of Body; both may be empty.
	ContentType string
	Body        []byte
}

// Refused is the error of a request that is not authentic or not meant for this source.
type Refused struct {
	// Reason is one word of a small fixed set; it labels a metric and is never sent to the sender.
	Reason string
	// Status is 400 (malformed, so it cannot be authentic), 403 (authentic but not accepted here, or from a sender that takes
	// no other status as final), 404 (the sender must not learn that the path exists), or 0 for 401.
	Status int
	// Challenge is the value of WWW-Authenticate, for senders that send credentials only when challenged. May be empty.
	Challenge string
}

// Error returns the reason.
func (e *Refused) Error() string { return e.Reason }

// outcome returns the outcome of the refused request.
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

// WebhookOptions configure a Webhook.
type WebhookOptions struct {
	Deps
	// Info has Kind, and Path unless it is the default; NewWebhook sets Name. With Subtree, Protocol.Verify must check the rest
	// of the path: some senders can send a token nowhere else.
	Info     Info
	Protocol Protocol
	Limits   Limits
	// Success is the status of accepted requests. Default 204.
	Success int
	// Secrets is the number of positions Protocol.Verify can return.
	Secrets int
	// KnownTypes, RefusalReasons and QuarantineReasons are the label values of the metrics.
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

// NewWebhook returns an error if the path is invalid or a required option is missing.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Info.Name = o.Name
	if o.Info.Path == "" {
		o.Info.Path = DefaultPath(o.Name)
	}
	if err := CheckPath(o.Info.Path); err != nil {
		return nil, fmt.Errorf("source %q: %w", o.Name, err)
	}
	return &Webhook{options: o, limits: o.Limits.withDefaults(), metrics: o.Metrics.of(&o), log: o.Log.With("source", o.Name)}, nil
}

// Info implements Source.
func (h *Webhook) Info() Info { return h.options.Info }

// Run implements Source. Between requests a webhook has nothing to do.
func (h *Webhook) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// result is how a request was handled.
type result struct {
	outcome outcome
	// eventID is the id of the first event, once there is one.
	eventID string
	// reply is the response to a handshake.
	reply *Reply
	err   error
}

// ServeHTTP handles one request. A panic is logged and becomes a 500; the process goes on.
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
		respondWith(w, status, res.reply)
		return
	}
	respond(w, res.outcome, status, requestID)
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
	if handshaker, ok := h.options.Protocol.(Handshaker); ok {
		switch reply, err := handshaker.Handshake(r, body); {
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

// failed returns the result of a request that is not authentic or could not be verified.
func (h *Webhook) failed(err error) result {
	if refusal, ok := errors.AsType[*Refused](err); ok {
		count(h.metrics.authFailures, refusal.Reason)
		return result{outcome: refusal.outcome(), err: err}
	}
	return result{outcome: notVerified, err: err}
}

// accept decodes an authentic body and passes its events to the intake.
func (h *Webhook) accept(r *http.Request, body []byte) result {
	received := h.options.Now()
	events, err := h.options.Protocol.Decode(r.Header, body, received)
	if refusal, ok := errors.AsType[*Refused](err); ok {
		return h.failed(refusal)
	}
	if err != nil {
		events = []Event{Quarantined(h.options.Info.Kind, body, err)}
	}
	if len(events) == 0 {
		return result{outcome: accepted}
	}
	h.stamp(r.Header, body, received, events)
	res := result{outcome: notStored, eventID: events[0].Envelope.GetId(), err: err}
	labels := appendLabels(make([]label, 0, 4), events) // before Intake owns the events
	// A sender that disconnects must not cancel the append: it may never send again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.limits.Accept)
	defer cancel()
	stored, err := h.options.Intake.Accept(ctx, events)
	switch {
	case err != nil:
		res.err = err
	case len(stored) != len(labels):
		res.err = fmt.Errorf("intake returned %d results for %d events", len(stored), len(labels))
	default:
		res.outcome = h.countStored(stored, labels)
	}
	return res
}

// label holds the metric labels of an event.
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

// countStored counts the events of one request and returns their combined outcome.
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
