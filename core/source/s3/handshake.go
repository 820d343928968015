package s3

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Reasons for which a confirmation is refused.
const (
	handshakeNoURL    = "handshake_no_public_url"
	handshakeOtherURL = "handshake_other_url"
)

// ConfirmationSignature returns what VK Cloud wants to hear before it registers url for its notifications, url being what
// was registered, to the letter.
func ConfirmationSignature(url, topicArn, timestamp, token string) string {
	key := []byte(token)
	for _, text := range []string{timestamp, topicArn, url} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// Handshake implements source.Handshaker.
func (p *protocol) Handshake(r *http.Request, body []byte) (*source.Reply, error) {
	// Saves reading nearly all bodies twice. An object's key may hold the word too; no sender writes it with escapes.
	if !bytes.Contains(body, []byte("Confirmation")) {
		return nil, nil
	}
	top, err := source.ReadObject(string(body), nil)
	if err != nil {
		return nil, nil //nolint:nilerr // Decode finds the same and quarantines the body
	}
	switch shapeOf(top) {
	case shapeVKConfirmation:
		if speaks(p.dialect, dialectVK) {
			return p.confirmVK(r, top)
		}
	case shapeSNS:
		if p.sns != nil {
			return p.answerSNS(r.Context(), body)
		}
	}
	return nil, nil
}

// confirmVK answers VK Cloud's question whether the owner of a URL wants its notifications.
func (p *protocol) confirmVK(r *http.Request, top object) (*source.Reply, error) {
	timestamp, topic, token := top.text("Timestamp"), top.text("TopicArn"), top.text("Token")
	if timestamp == "" || topic == "" || token == "" {
		return nil, nil // Decode quarantines it
	}
	switch {
	case p.public == nil:
		p.log.WarnContext(r.Context(), "VK Cloud asks to confirm a URL, which needs public_url in the source's block", "topic_arn", topic)
		return nil, &source.Refused{Reason: handshakeNoURL, Status: http.StatusNotFound}
	case r.URL.Path != pathOf(p.public) || p.public.RawQuery != "" && r.URL.RawQuery != p.public.RawQuery:
		return nil, &source.Refused{Reason: handshakeOtherURL, Status: http.StatusNotFound}
	case !allowed(p.options.Buckets, bucketOfTopic(topic)):
		return nil, &source.Refused{Reason: reasonBucket, Status: http.StatusForbidden}
	}
	return &source.Reply{
		ContentType: "application/json",
		Body:        fmt.Appendf(nil, `{"signature":%q}`, ConfirmationSignature(p.publicText, topic, timestamp, token)),
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

// answerSNS answers a verified message of SNS, if it asks something.
func (p *protocol) answerSNS(ctx context.Context, body []byte) (*source.Reply, error) {
	message, err := snsmessage.Parse(body)
	if err != nil {
		return nil, err
	}
	switch message.Type {
	case snsmessage.SubscriptionConfirmation:
		if !p.autoConfirm {
			p.log.WarnContext(ctx, "a subscription waits to be confirmed: visit subscribe_url within two days",
				"topic_arn", message.TopicARN, "subscribe_url", message.SubscribeURL)
			return &source.Reply{}, nil
		}
		if err := p.sns.Confirm(ctx, message); err != nil {
			return nil, err
		}
		return &source.Reply{}, nil
	case snsmessage.UnsubscribeConfirmation: // its SubscribeURL would subscribe again
		p.log.WarnContext(ctx, "a subscription was cancelled: no more events will come from its topic", "topic_arn", message.TopicARN)
		return &source.Reply{}, nil
	}
	return nil, nil
}
