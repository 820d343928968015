package sns

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// malformed is the reason for a body that is not a message and so cannot be authentic.
const malformed = "malformed"

// Headers of SNS in the canonical form of net/http. None of them is signed.
const (
	headerType  = "X-Amz-Sns-Message-Type"
	headerRaw   = "X-Amz-Sns-Rawdelivery"
	headerID    = "X-Amz-Sns-Message-Id"
	headerTopic = "X-Amz-Sns-Topic-Arn"
)

// protocol implements source.Protocol for SNS.
type protocol struct {
	verifier *snsmessage.Verifier
	raw      *raw
	unwrap   Unwrap // nil: messages are not unwrapped
	window   time.Duration
}

// Authenticate implements source.Protocol.
func (p *protocol) Authenticate(r *http.Request, body []byte) (source.Request, error) {
	q := &request{protocol: p, slot: -1}
	if isRaw(r.Header) {
		slot, err := p.raw.verify(r, p.verifier)
		q.slot, q.messages, q.unsigned = slot, []*snsmessage.Message{rawMessage(r.Header, body)}, true
		return q, err
	}
	var err error
	if q.messages, err = snsmessage.ParseAll(body); err != nil {
		return nil, &source.Refused{Reason: malformed, Status: http.StatusBadRequest, Detail: "not an SNS message: " + err.Error()}
	}
	if declared := r.Header.Get(headerType); declared != "" && declared != q.messages[0].Type {
		return nil, &source.Refused{
			Reason: malformed, Status: http.StatusBadRequest, Detail: "the header " + headerType + " differs from the message's Type",
		}
	}
	for _, m := range q.messages {
		if err := p.verifier.Verify(r.Context(), m); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// request holds the authenticated messages of one request: usually one, several if it is the event of a Lambda function.
type request struct {
	*protocol
	slot     int
	messages []*snsmessage.Message
	unsigned bool // a raw delivery
}

// Slot implements source.Request.
func (q *request) Slot() int { return q.slot }

// VerifiedBy implements source.Signed. Of several messages it names the one with the weakest signature.
func (q *request) VerifiedBy() string {
	if q.unsigned {
		return ""
	}
	by := q.messages[0].VerifiedBy()
	for _, m := range q.messages[1:] {
		by = min(by, m.VerifiedBy())
	}
	return by
}

// Reply implements source.Request. After a failure SNS sends the confirmation again.
func (q *request) Reply(ctx context.Context) (*source.Reply, error) {
	if q.unsigned {
		return nil, nil
	}
	return q.verifier.Reply(ctx, q.messages[0])
}

// Events implements source.Request.
func (q *request) Events(context.Context, time.Time) ([]source.Event, error) {
	if len(q.messages) == 1 {
		return q.events(q.messages[0])
	}
	var all []source.Event
	for _, m := range q.messages {
		part := []byte(m.Message)
		events, err := q.events(m)
		if undecodable, ok := errors.AsType[*source.Undecodable](err); ok {
			events = []source.Event{source.Quarantined(Name, part, undecodable)}
		} else if err != nil {
			return nil, err
		}
		for i := range events {
			events[i].Envelope.Body = part
		}
		all = append(all, events...)
	}
	return all, nil
}

// events returns the events of one message.
func (q *request) events(m *snsmessage.Message) ([]source.Event, error) {
	switch {
	case q.unsigned && !utf8.ValidString(m.Message):
		return nil, &source.Undecodable{Reason: notText, Detail: "the message is not UTF-8"}
	case m.Type == snsmessage.UnsubscribeConfirmation:
		return []source.Event{q.event(m, typeUnsubscribed)}, nil
	case q.unwrap == nil:
		return []source.Event{q.event(m, typeNotification)}, nil
	}
	events, err := q.unwrap([]byte(m.Message), q.window)
	if err != nil {
		return nil, &source.Undecodable{Reason: notS3, Detail: err.Error()}
	}
	return events, nil
}
