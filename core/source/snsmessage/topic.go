package snsmessage

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// Topic emulates an SNS topic, for tests and for trying a source without AWS. Its http.Handler serves what a receiver
// requests from SNS: the signing certificate and the confirmation of a subscription.
type Topic struct {
	arn, base   string
	certificate string // path
	signer      *Signer
	random      io.Reader
	confirmed   atomic.Bool
}

// NewTopic creates a topic and its key. The caller must serve the topic at host (with a port) over plain HTTP.
func NewTopic(random io.Reader, arn, host string) (*Topic, error) {
	id, err := randomHex(random)
	if err != nil {
		return nil, err
	}
	// Receivers cache certificates by URL, so every topic needs its own path.
	t := &Topic{arn: arn, base: "http://" + host, certificate: "/SimpleNotificationService-" + id + ".pem", random: random}
	if t.signer, err = NewSigner(t.base + t.certificate); err != nil {
		return nil, err
	}
	return t, nil
}

// Body returns the signed body of m. It fills in empty fields as SNS does: id, topic, time, and depending on the Type the
// UnsubscribeURL or the fields of a confirmation. An empty Type is a Notification.
func (t *Topic) Body(now time.Time, version string, m Message) ([]byte, error) {
	id, err := randomHex(t.random)
	if err != nil {
		return nil, err
	}
	m.Type = cmp.Or(m.Type, Notification)
	m.MessageID = cmp.Or(m.MessageID, id[:8]+"-"+id[8:12]+"-"+id[12:16]+"-"+id[16:20]+"-"+id[20:])
	m.TopicARN = cmp.Or(m.TopicARN, t.arn)
	m.Timestamp = cmp.Or(m.Timestamp, now.UTC().Format("2006-01-02T15:04:05.000Z"))
	if m.Type == Notification {
		m.UnsubscribeURL = cmp.Or(m.UnsubscribeURL, t.actionURL("Unsubscribe", "SubscriptionArn", t.subscription()))
	} else if err := t.fillConfirmation(&m); err != nil {
		return nil, err
	}
	if err := t.signer.Sign(&m, version); err != nil {
		return nil, err
	}
	return t.signer.Body(&m), nil
}

// fillConfirmation fills in the fields that only confirmations have.
func (t *Topic) fillConfirmation(m *Message) error {
	token, err := randomHex(t.random)
	if err != nil {
		return err
	}
	text := "You have chosen to subscribe to the topic " + t.arn + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
	if m.Type == UnsubscribeConfirmation {
		text = "You have chosen to deactivate subscription " + t.subscription() +
			".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	}
	m.Message, m.Token = cmp.Or(m.Message, text), cmp.Or(m.Token, token)
	m.SubscribeURL = cmp.Or(m.SubscribeURL, t.actionURL("ConfirmSubscription", "TopicArn", t.arn, "Token", m.Token))
	return nil
}

// Confirmed reports whether the SubscribeURL of a confirmation was requested.
func (t *Topic) Confirmed() bool { return t.confirmed.Load() }

func (t *Topic) subscription() string { return t.arn + ":00000000-0000-0000-0000-000000000000" }

// actionURL returns the URL of an action of the SNS API.
func (t *Topic) actionURL(action string, parameters ...string) string {
	query := url.Values{"Action": {action}}
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	return t.base + "/?" + query.Encode()
}

// ServeHTTP implements http.Handler.
func (t *Topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == t.certificate:
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(t.signer.Certificate()) // the receiver reports a failure
	case r.URL.Path == "/" && r.URL.Query().Get("Action") == "ConfirmSubscription":
		t.confirmed.Store(true)
		w.Header().Set("Content-Type", "text/xml")
		_ = xml.NewEncoder(w).Encode(confirmResponse{ARN: t.subscription()})
	default:
		http.NotFound(w, r)
	}
}

// confirmResponse is the response to a confirmation.
type confirmResponse struct {
	XMLName xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ConfirmSubscriptionResponse"`
	ARN     string   `xml:"ConfirmSubscriptionResult>SubscriptionArn"`
}

func randomHex(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("generate id: %w", err)
	}
	return fmt.Sprintf("%x", b), nil
}
