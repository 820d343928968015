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

// Topic is an SNS topic of our own: for tests, and to try a source without AWS. As an http.Handler it serves what a receiver
// asks of SNS: the certificate of the signatures, and the confirmation of a subscription.
type Topic struct {
	arn, base   string
	certificate string // path
	signer      *Signer
	random      io.Reader
	confirmed   atomic.Bool
}

// NewTopic makes a topic, and a key for it, whose handler is reached at a host and port by plain HTTP.
func NewTopic(random io.Reader, arn, host string) (*Topic, error) {
	id, err := randomHex(random)
	if err != nil {
		return nil, err
	}
	// A path of its own, because receivers keep certificates.
	t := &Topic{arn: arn, base: "http://" + host, certificate: "/SimpleNotificationService-" + id + ".pem", random: random}
	if t.signer, err = NewSigner(t.base + t.certificate); err != nil {
		return nil, err
	}
	return t, nil
}

// Body returns the signed body of m. What m leaves open is filled in as SNS does: id, topic, time, and by its Type the URL that
// ends the subscription, or the question whether to begin it. Without a Type it is a Notification.
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
		m.UnsubscribeURL = cmp.Or(m.UnsubscribeURL, t.ask("Unsubscribe", "SubscriptionArn", t.subscription()))
	} else if err := t.question(&m); err != nil {
		return nil, err
	}
	if err := t.signer.Sign(&m, version); err != nil {
		return nil, err
	}
	return t.signer.Body(&m), nil
}

// question fills in what is particular to confirmations.
func (t *Topic) question(m *Message) error {
	token, err := randomHex(t.random)
	if err != nil {
		return err
	}
	said := "You have chosen to subscribe to the topic " + t.arn + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
	if m.Type == UnsubscribeConfirmation {
		said = "You have chosen to deactivate subscription " + t.subscription() +
			".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	}
	m.Message, m.Token = cmp.Or(m.Message, said), cmp.Or(m.Token, token)
	m.SubscribeURL = cmp.Or(m.SubscribeURL, t.ask("ConfirmSubscription", "TopicArn", t.arn, "Token", m.Token))
	return nil
}

// Confirmed reports whether the SubscribeURL of a confirmation was visited.
func (t *Topic) Confirmed() bool { return t.confirmed.Load() }

func (t *Topic) subscription() string { return t.arn + ":00000000-0000-0000-0000-000000000000" }

// ask returns the URL of an action of this SNS.
func (t *Topic) ask(action string, parameters ...string) string {
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
		_, _ = w.Write(t.signer.Certificate()) // Whoever does not get it says so.
	case r.URL.Path == "/" && r.URL.Query().Get("Action") == "ConfirmSubscription":
		t.confirmed.Store(true)
		w.Header().Set("Content-Type", "text/xml")
		_ = xml.NewEncoder(w).Encode(confirmAnswer{ARN: t.subscription()})
	default:
		http.NotFound(w, r)
	}
}

// confirmAnswer is SNS's answer to a confirmation.
type confirmAnswer struct {
	XMLName xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ConfirmSubscriptionResponse"`
	ARN     string   `xml:"ConfirmSubscriptionResult>SubscriptionArn"`
}

func randomHex(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return fmt.Sprintf("%x", b), nil
}
