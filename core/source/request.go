package source

import (
	"context"
	"net/http"
	"time"
)

// Protocol is what one kind of webhook adds to Webhook: how its senders authenticate and what their bodies mean.
type Protocol interface {
	// Authenticate checks the credentials of a request, in its header or over its raw body (r.Body is already consumed). The
	// error is *Refused if the request is not authentic; after any other error the check itself failed and the sender should
	// try again. It must be safe for concurrent use.
	//
	// The body never changes afterwards, so the Request and its events may share its memory. What Authenticate has to parse
	// belongs into the Request, so that nothing is parsed twice.
	Authenticate(r *http.Request, body []byte) (Request, error)
}

// Request is one authenticated request. Webhook calls Reply and Events in this order, each at most once.
type Request interface {
	// Slot is the position of the secret that authenticated the request, -1 if there is none to count.
	Slot() int
	// Reply responds to a handshake, such as the confirmation of a subscription; nothing is stored then. It returns nil and no
	// error if the request is not a handshake. *Refused rejects the request; after any other error the sender should try again.
	Reply(ctx context.Context) (*Reply, error)
	// Events returns the events of the request, none if it needs none. It sets what is specific to the kind: id, type,
	// subject, time, attributes, data and keys. Webhook sets the rest, and Body and ContentType of events without a Body.
	//
	// *Undecodable quarantines the whole body; see Quarantined for single events. *Refused rejects a request that is authentic
	// but not meant for this source. After any other error the sender should try again.
	Events(ctx context.Context, received time.Time) ([]Event, error)
}

// Completer is a Request that must act after Intake has accepted or rejected its events.
type Completer interface {
	Request
	// Complete is called with the error of Intake.Accept. The sender may have disconnected by then, so ctx may be done.
	Complete(ctx context.Context, err error)
}

// Signed is a Request that may have been verified by something other than a secret of the source.
type Signed interface {
	Request
	// VerifiedBy is what verified it, such as "signature version 2", for Envelope.verified_by. Empty: the secret of Slot.
	VerifiedBy() string
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
	// Detail helps the sender to fix the request; empty where that would help an attacker, such as for credentials. It must
	// not repeat what the sender sent.
	Detail string
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
