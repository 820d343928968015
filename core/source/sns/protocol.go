package sns

import (
	"bytes"
	"log/slog"
	"net/http"
	"time"

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
	confirm  bool
	raw      *raw
	unwrap   Unwrap // nil: messages stay messages
	window   time.Duration
	log      *slog.Logger
}

// Verify implements source.Protocol.
func (p *protocol) Verify(r *http.Request, body []byte) (int, error) {
	if isRaw(r.Header) {
		return p.raw.verify(r, p.verifier)
	}
	messages, err := parse(body)
	if err != nil {
		return -1, &source.Refused{Reason: malformed, Status: http.StatusBadRequest}
	}
	if declared := r.Header.Get(headerType); declared != "" && declared != messages[0].Type {
		return -1, &source.Refused{Reason: malformed, Status: http.StatusBadRequest}
	}
	for _, m := range messages {
		if err := p.verifier.Verify(r.Context(), m); err != nil {
			return -1, err
		}
	}
	return -1, nil
}

// parse parses the message that SNS posts, or the messages of the event that SNS passes to a Lambda function.
func parse(body []byte) ([]*snsmessage.Message, error) {
	if bytes.Contains(body, []byte(`"Records"`)) { // may also occur inside a message
		if messages, err := snsmessage.ParseLambda(body); err == nil {
			return messages, nil
		}
	}
	m, err := snsmessage.Parse(body)
	if err != nil {
		return nil, err
	}
	return []*snsmessage.Message{m}, nil
}

// Handshake implements source.Handshaker. It confirms subscriptions to allowed topics. After a failure SNS must send the
// confirmation again, so it returns an error.
func (p *protocol) Handshake(r *http.Request, body []byte) (*source.Reply, error) {
	if isRaw(r.Header) || !bytes.Contains(body, []byte(snsmessage.SubscriptionConfirmation)) {
		return nil, nil
	}
	messages, err := parse(body)
	if err != nil || messages[0].Type != snsmessage.SubscriptionConfirmation {
		return nil, nil //nolint:nilerr // cannot happen after Verify
	}
	m := messages[0]
	if !p.confirm {
		p.log.Warn("subscription needs confirmation: open the URL to confirm it", "topic", m.TopicARN, "url", m.SubscribeURL)
		return &source.Reply{}, nil
	}
	if err := p.verifier.Confirm(r.Context(), m); err != nil {
		return nil, err
	}
	p.log.Info("subscription confirmed", "topic", m.TopicARN)
	return &source.Reply{}, nil
}

// Decode implements source.Protocol.
func (p *protocol) Decode(header http.Header, body []byte, _ time.Time) ([]source.Event, error) {
	if isRaw(header) {
		return p.decodeRaw(header, body)
	}
	messages, err := parse(body)
	if err != nil {
		return nil, err
	}
	if len(messages) == 1 {
		return p.events(messages[0], body), nil
	}
	var events []source.Event
	for _, m := range messages {
		events = append(events, p.events(m, []byte(m.Message))...)
	}
	return events, nil
}

// events returns the events of one message. body is the Body of their envelopes: that of the request, or the text of the
// message if the request has several.
func (p *protocol) events(m *snsmessage.Message, body []byte) []source.Event {
	if m.Type == snsmessage.UnsubscribeConfirmation {
		p.log.Warn("subscription was cancelled", "topic", m.TopicARN)
		return []source.Event{p.event(m, typeUnsubscribed, body)}
	}
	if p.unwrap == nil {
		return []source.Event{p.event(m, typeNotification, body)}
	}
	events, err := p.unwrap([]byte(m.Message), p.window)
	if err != nil {
		return []source.Event{source.Quarantined(Name, body, &source.Undecodable{Reason: notS3, Detail: err.Error()})}
	}
	return events
}
