// Package snssend sends messages as Amazon SNS does: an emulated topic signs them with its own key. Only `pointsman send` and
// tests use it: the router verifies messages and never signs any.
package snssend

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Topic emulates an SNS topic. Its http.Handler serves what a receiver
// requests from SNS: the signing certificate and the confirmation of a subscription.
type Topic struct {
	arn, base   string
	certificate string // path
	signer      *Signer
	confirmed   atomic.Bool
}

// NewTopic creates a topic and its key. The caller must serve the topic at host (with a port) over plain HTTP.
func NewTopic(arn, host string) (*Topic, error) {
	// Receivers cache certificates by URL, so every topic needs its own path.
	t := &Topic{arn: arn, base: "http://" + host, certificate: "/SimpleNotificationService-" + randomHex() + ".pem"}
	var err error
	t.signer, err = NewSigner(t.base + t.certificate)
	return t, err
}

// Body returns the signed body of m. It fills in empty fields as SNS does: id, topic, time, and depending on the Type the
// UnsubscribeURL or the fields of a confirmation. An empty Type is a Notification.
func (t *Topic) Body(now time.Time, version string, m snsmessage.Message) ([]byte, error) {
	m.Type = cmp.Or(m.Type, snsmessage.Notification)
	m.MessageID = cmp.Or(m.MessageID, uuid.NewString())
	m.TopicARN = cmp.Or(m.TopicARN, t.arn)
	m.Timestamp = cmp.Or(m.Timestamp, now.UTC().Format("2006-01-02T15:04:05.000Z"))
	if m.Type == snsmessage.Notification {
		m.UnsubscribeURL = cmp.Or(m.UnsubscribeURL, t.actionURL("Unsubscribe", "SubscriptionArn", t.subscription()))
	} else {
		t.fillConfirmation(&m)
	}
	if err := t.signer.Sign(&m, version); err != nil {
		return nil, err
	}
	return Body(&m), nil
}

// fillConfirmation fills in the fields that only confirmations have.
func (t *Topic) fillConfirmation(m *snsmessage.Message) {
	text := "You have chosen to subscribe to the topic " + t.arn + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
	if m.Type == snsmessage.UnsubscribeConfirmation {
		text = "You have chosen to deactivate subscription " + t.subscription() +
			".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	}
	m.Message, m.Token = cmp.Or(m.Message, text), cmp.Or(m.Token, randomHex())
	m.SubscribeURL = cmp.Or(m.SubscribeURL, t.actionURL("ConfirmSubscription", "TopicArn", t.arn, "Token", m.Token))
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

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
