package s3

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons why a confirmation is refused.
const (
	handshakeNoURL    = "handshake_no_public_url"
	handshakeOtherURL = "handshake_other_url"
)

// ConfirmationSignature returns the signature that VK Cloud requires before it registers a URL for notifications. url must
// be spelled exactly as registered.
func ConfirmationSignature(url, topicArn, timestamp, token string) string {
	key := []byte(token)
	for _, text := range []string{timestamp, topicArn, url} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// Reply implements source.Request.
func (q *request) Reply(ctx context.Context) (*source.Reply, error) {
	switch {
	case q.message != nil:
		return q.sns.Reply(ctx, q.message)
	case shapeOf(q.top) == shapeVKConfirmation && accepts(q.dialect, dialectVK):
		return q.confirmVK(ctx)
	}
	return nil, nil
}

// confirmVK responds to VK Cloud's request to confirm the registration of a URL.
func (q *request) confirmVK(ctx context.Context) (*source.Reply, error) {
	timestamp, topic, token := q.top.Text("Timestamp"), q.top.Text("TopicArn"), q.top.Text("Token")
	if timestamp == "" || topic == "" || token == "" {
		return nil, nil // Events quarantines it
	}
	switch {
	case q.public == nil:
		q.log.WarnContext(ctx, "VK Cloud requests a confirmation: set public_url in the source block", "topic_arn", topic)
		return nil, &source.Refused{Reason: handshakeNoURL, Status: http.StatusNotFound}
	case q.url.Path != pathOf(q.public) || q.public.RawQuery != "" && q.url.RawQuery != q.public.RawQuery:
		return nil, &source.Refused{Reason: handshakeOtherURL, Status: http.StatusNotFound}
	case !allowed(q.options.Buckets, bucketOfTopic(topic)):
		return nil, refusedBucket()
	}
	return &source.Reply{
		ContentType: "application/json",
		Body:        fmt.Appendf(nil, `{"signature":%q}`, ConfirmationSignature(q.publicText, topic, timestamp, token)),
	}, nil
}

// bucketOfTopic returns the middle of VK Cloud's "account|bucket|events".
func bucketOfTopic(topic string) string {
	parts := strings.SplitN(topic, "|", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}
