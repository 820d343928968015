package s3

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Confirmation is the question that VK asks a URL before it sends events there. Whoever answers proves nothing but that it
// knows the URL that was registered.
type Confirmation struct {
	Time         time.Time
	Topic, Token string
}

// NewConfirmation returns the question about a bucket, with a token that random supplies.
func NewConfirmation(random io.Reader, now time.Time, bucket string) (*Confirmation, error) {
	var b [36]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	return &Confirmation{
		Time: now, Topic: "mcs1234567890|" + bucket + "|s3:ObjectCreated:*,s3:ObjectRemoved:*", Token: base64.RawURLEncoding.EncodeToString(b[:]),
	}, nil
}

// Body returns the question as VK writes it.
func (c *Confirmation) Body() ([]byte, error) {
	return ordered{
		{"Timestamp", c.timestamp()},
		{"Type", "SubscriptionConfirmation"},
		{"Message", "You have chosen to subscribe to the topic " + c.Topic + ". To confirm the subscription you need to response with calculated signature"},
		{"TopicArn", c.Topic},
		{"SignatureVersion", 1},
		{"Token", c.Token},
	}.encode(false)
}

func (c *Confirmation) timestamp() string {
	return c.Time.In(time.FixedZone("MSK", 3*60*60)).Format(time.RFC3339)
}

// Check returns nil when answer holds the signature of somebody whose registered URL is publicURL.
func (c *Confirmation) Check(answer []byte, publicURL string) error {
	var got struct {
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(answer, &got); err != nil || got.Signature == "" {
		return errors.New(`the answer is not {"signature": ...}: the router did not take this for VK's question`)
	}
	if !hmac.Equal([]byte(got.Signature), []byte(ConfirmationSignature(publicURL, c.Topic, c.timestamp(), c.Token))) {
		return errors.New("the signature in the answer is not that of this URL: it must be registered with VK exactly as it stands in public_url")
	}
	return nil
}
