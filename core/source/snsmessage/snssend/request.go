package snssend

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// NewRequest returns the POST request that SNS sends for a body. It fails if the body is not a message.
func NewRequest(ctx context.Context, to string, body []byte) (*http.Request, error) {
	m, err := snsmessage.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("not an SNS message: %w", err)
	}
	return newRequest(ctx, to, m, body)
}

// NewRawRequest returns the POST request of raw message delivery: the text alone, unsigned. The token is the password in the
// subscription's URL, which SNS sends when challenged; an empty token is not sent.
func NewRawRequest(ctx context.Context, to string, m *snsmessage.Message, token schema.Secret) (*http.Request, error) {
	r, err := newRequest(ctx, to, m, []byte(m.Message))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Amz-Sns-Rawdelivery", "true")
	if !token.IsZero() {
		r.SetBasicAuth("sns", token.Reveal())
	}
	return r, nil
}

// newRequest sets the headers that SNS sends. None of them is signed.
func newRequest(ctx context.Context, to string, m *snsmessage.Message, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	r.Header.Set("User-Agent", "Amazon Simple Notification Service Agent")
	r.Header.Set("X-Amz-Sns-Message-Type", m.Type)
	r.Header.Set("X-Amz-Sns-Message-Id", m.MessageID)
	r.Header.Set("X-Amz-Sns-Topic-Arn", m.TopicARN)
	if end, err := url.Parse(m.UnsubscribeURL); err == nil && end.Query().Has("SubscriptionArn") {
		r.Header.Set("X-Amz-Sns-Subscription-Arn", end.Query().Get("SubscriptionArn"))
	}
	return r, nil
}
