package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// WebhookOptions configure a Webhook.
type WebhookOptions struct {
	Deps
	// Info has Kind, and Path unless it is the default; NewWebhook sets Name. With Subtree, Protocol.Authenticate must check the rest
	// of the path: some senders can send a token nowhere else.
	Info     Info
	Protocol Protocol
	Limits   Limits
	// Success is the status of accepted requests. Default 204.
	Success int
	// Secrets is the number of positions Request.Slot can return, SecretWord what one of them is called. Default: "secret".
	Secrets    int
	SecretWord string
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
	secrets  []string // their names, by position
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
		return nil, err
	}
	limits := o.Limits.withDefaults()
	o.Info.MaxBody = limits.Body
	return &Webhook{
		options: o, limits: limits, secrets: SecretNames(cmp.Or(o.SecretWord, "secret"), o.Secrets), metrics: o.Metrics.of(&o),
		log: o.Log.With("source", o.Name),
	}, nil
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

// finish counts, logs and answers a request. Details reach the sender only from errors that were made for it.
func (h *Webhook) finish(w http.ResponseWriter, r *http.Request, res result) {
	h.metrics.requests[res.outcome].Inc()
	status, requestID := h.options.status(res.outcome), ""
	if status >= 300 {
		requestID = newRequestID()
	}
	h.report(r, res, requestID)
	detail := ""
	if refusal, ok := errors.AsType[*Refused](res.err); ok {
		detail = refusal.Detail
		if refusal.Challenge != "" {
			w.Header().Set("WWW-Authenticate", refusal.Challenge)
		}
	} else if res.outcome == bodyTooLarge {
		detail = fmt.Sprintf("the body may have at most %d bytes", h.limits.Body)
	}
	if res.reply != nil {
		respondWith(w, status, res.reply)
		return
	}
	respond(w, res.outcome, status, detail, requestID)
}

// handle runs a request up to its result: method, body, authentication, handshake or events.
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
	request, err := h.options.Protocol.Authenticate(r, body)
	if err != nil {
		return h.failed(err)
	}
	if slot := request.Slot(); slot >= 0 {
		h.metrics.secretUsed[slot].Inc()
	}
	switch reply, err := request.Reply(r.Context()); {
	case err != nil:
		return h.failed(err)
	case reply != nil:
		return result{outcome: handshake, reply: reply}
	}
	res := h.accept(r, body, request)
	switch res.outcome {
	case accepted, duplicate, quarantined:
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

// accept decodes an authentic request and passes its events to the intake.
func (h *Webhook) accept(r *http.Request, body []byte, request Request) result {
	received := h.options.Now()
	events, err := request.Events(r.Context(), received)
	if undecodable, ok := errors.AsType[*Undecodable](err); ok {
		events = []Event{Quarantined(h.options.Info.Kind, body, undecodable)}
	} else if err != nil {
		return h.failed(err)
	}
	if len(events) == 0 {
		return result{outcome: accepted}
	}
	common := shared{name: h.options.Name, kind: h.options.Info.Kind, sensitive: h.options.Sensitive}
	common.stamp(r.Header, body, received, h.verifiedBy(request), events)
	res := result{outcome: notStored, eventID: events[0].Envelope.GetId(), err: err}
	labels := appendLabels(make([]label, 0, 4), events) // before Intake owns the events
	stored, err := h.store(r.Context(), events)
	if c, ok := request.(Completer); ok {
		c.Complete(r.Context(), err)
	}
	if err != nil {
		res.err = err
		return res
	}
	res.outcome = h.countStored(stored, labels)
	return res
}

// store passes events to the intake. A sender that disconnects must not cancel the append: it may never send again.
func (h *Webhook) store(ctx context.Context, events []Event) ([]Accepted, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.limits.Accept)
	defer cancel()
	want := len(events)
	stored, err := h.options.Intake.Accept(ctx, events)
	if err == nil && len(stored) != want {
		return nil, fmt.Errorf("intake returned %d results for %d events", len(stored), want)
	}
	return stored, err
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
