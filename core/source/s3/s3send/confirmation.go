package s3send

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/pointsman/pointsman/core/source/s3"
)

// Confirmation is VK Cloud's request to confirm the registration of a URL. The response proves only that the receiver knows
// the registered URL.
type Confirmation struct {
	Time         time.Time
	Topic, Token string
}

// NewConfirmation returns the confirmation request for a bucket, with a random token.
func NewConfirmation(now time.Time, bucket string) *Confirmation {
	return &Confirmation{Time: now, Topic: "mcs1234567890|" + bucket + "|s3:ObjectCreated:*,s3:ObjectRemoved:*", Token: rand.Text()}
}

// Body returns the body that VK sends.
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

// Check returns nil if the response holds the signature for the registered URL publicURL.
func (c *Confirmation) Check(response []byte, publicURL string) error {
	var got struct {
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(response, &got); err != nil || got.Signature == "" {
		return errors.New(`the response is not {"signature": ...}: the router did not recognize VK's confirmation request`)
	}
	if !hmac.Equal([]byte(got.Signature), []byte(s3.ConfirmationSignature(publicURL, c.Topic, c.timestamp(), c.Token))) {
		return errors.New("the signature in the response is not for this URL: register it with VK exactly as it is written in public_url")
	}
	return nil
}
