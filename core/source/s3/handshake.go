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

// Handshake implements source.Handshaker.
func (p *protocol) Handshake(r *http.Request, body []byte) (*source.Reply, error) {
	// Avoids parsing most bodies twice. An object's key may contain the word too; no sender escapes it.
	if !bytes.Contains(body, []byte("Confirmation")) {
		return nil, nil
	}
	top, err := source.ReadObject(string(body), nil)
	if err != nil {
		return nil, nil //nolint:nilerr // Decode finds the same and quarantines the body
	}
	switch shapeOf(top) {
	case shapeVKConfirmation:
		if accepts(p.dialect, dialectVK) {
			return p.confirmVK(r, top)
		}
	case shapeSNS:
		if p.sns != nil {
			return p.confirmSNS(r.Context(), body)
		}
	}
	return nil, nil
}

// confirmVK responds to VK Cloud's request to confirm the registration of a URL.
func (p *protocol) confirmVK(r *http.Request, top object) (*source.Reply, error) {
	timestamp, topic, token := top.text("Timestamp"), top.text("TopicArn"), top.text("Token")
	if timestamp == "" || topic == "" || token == "" {
		return nil, nil // Decode quarantines it
	}
	switch {
	case p.public == nil:
		p.log.WarnContext(r.Context(), "VK Cloud requests a confirmation: set public_url in the source block", "topic_arn", topic)
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

// confirmSNS responds to a verified SNS message if it is a confirmation.
func (p *protocol) confirmSNS(ctx context.Context, body []byte) (*source.Reply, error) {
	message, err := snsmessage.Parse(body)
	if err != nil {
		return nil, err
	}
	switch message.Type {
	case snsmessage.SubscriptionConfirmation:
		if !p.autoConfirm {
			p.log.WarnContext(ctx, "subscription needs confirmation: open subscribe_url within two days",
				"topic_arn", message.TopicARN, "subscribe_url", message.SubscribeURL)
			return &source.Reply{}, nil
		}
		if err := p.sns.Confirm(ctx, message); err != nil {
			return nil, err
		}
		return &source.Reply{}, nil
	case snsmessage.UnsubscribeConfirmation: // requesting its SubscribeURL would subscribe again
		p.log.WarnContext(ctx, "subscription was cancelled: its topic sends no more events", "topic_arn", message.TopicARN)
		return &source.Reply{}, nil
	}
	return nil, nil
}
