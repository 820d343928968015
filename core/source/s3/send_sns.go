package s3

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Topic is an SNS topic of our own, that S3 sends through. As an http.Handler it serves what the receiver asks of SNS: the
// certificate of the signatures, and the confirmation of a subscription.
type Topic struct {
	arn, base   string
	certificate string // path
	signer      *snsmessage.Signer
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
	if t.signer, err = snsmessage.NewSigner(t.base + t.certificate); err != nil {
		return nil, err
	}
	return t, nil
}

// Notification returns the signed body that carries what S3 says.
func (t *Topic) Notification(now time.Time, said []byte) ([]byte, error) {
	return t.sign(now, &snsmessage.Message{
		Type: snsmessage.Notification, Subject: "Amazon S3 Notification", HasSubject: true, Message: string(said),
		UnsubscribeURL: t.base + "/?" + url.Values{"Action": {"Unsubscribe"}, "SubscriptionArn": {t.subscription()}}.Encode(),
	})
}

// Question returns the signed body that asks to confirm a subscription. Confirmed tells whether somebody did.
func (t *Topic) Question(now time.Time) ([]byte, error) {
	token, err := randomHex(t.random)
	if err != nil {
		return nil, err
	}
	asked := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {t.arn}, "Token": {token}}
	return t.sign(now, &snsmessage.Message{
		Type: snsmessage.SubscriptionConfirmation, Token: token, SubscribeURL: t.base + "/?" + asked.Encode(),
		Message: "You have chosen to subscribe to the topic " + t.arn + ".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
	})
}

// Confirmed reports whether the SubscribeURL of a Question was visited.
func (t *Topic) Confirmed() bool { return t.confirmed.Load() }

func (t *Topic) sign(now time.Time, m *snsmessage.Message) ([]byte, error) {
	id, err := randomHex(t.random)
	if err != nil {
		return nil, err
	}
	m.MessageID = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	m.TopicARN, m.Timestamp = t.arn, now.UTC().Format(millis)
	if err := t.signer.Sign(m, "2"); err != nil {
		return nil, err
	}
	return t.signer.Body(m), nil
}

func (t *Topic) subscription() string { return t.arn + ":00000000-0000-0000-0000-000000000000" }

// ServeHTTP implements http.Handler.
func (t *Topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == t.certificate:
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(t.signer.Certificate()) // Whoever does not get it says so.
	case r.URL.Path == "/" && r.URL.Query().Get("Action") == "ConfirmSubscription":
		t.confirmed.Store(true)
		w.Header().Set("Content-Type", "text/xml")
		_ = xml.NewEncoder(w).Encode(confirmed{ARN: t.subscription()})
	default:
		http.NotFound(w, r)
	}
}

// confirmed is SNS's answer to a confirmation.
type confirmed struct {
	XMLName xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ConfirmSubscriptionResponse"`
	ARN     string   `xml:"ConfirmSubscriptionResult>SubscriptionArn"`
}

// setSNSHeader sets what SNS tells about a body of its own in the header. Nothing of it is signed.
func setSNSHeader(h http.Header, body []byte) error {
	m, err := snsmessage.Parse(body)
	if err != nil {
		return fmt.Errorf("not a message of SNS: %w", err)
	}
	h.Set("X-Amz-Sns-Message-Type", m.Type)
	h.Set("X-Amz-Sns-Message-Id", m.MessageID)
	h.Set("X-Amz-Sns-Topic-Arn", m.TopicARN)
	return nil
}

func randomHex(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return fmt.Sprintf("%x", b), nil
}
