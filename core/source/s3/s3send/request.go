package s3send

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// NewRequest returns the POST request of a dialect's stores, with the token where they send it: in a header or at the end
// of the path. An empty token is not sent. For SNS, body must be the SNS message, and there is no token.
func NewRequest(ctx context.Context, dialect, to string, token schema.Secret, body []byte) (*http.Request, error) {
	if dialect == "sns" {
		return snssend.NewRequest(ctx, to, body)
	}
	s, err := senderOf(dialect)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	if s.pathToken && !token.IsZero() {
		u = u.JoinPath(url.PathEscape(token.Reveal()))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if !s.pathToken && !token.IsZero() {
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	r.Header.Set("Content-Type", s.contentType)
	r.Header.Set("User-Agent", s.userAgent) // empty: none
	if dialect == "vk" {
		r.Header.Set("X-Amz-Sns-Message-Type", "Notification") // VK sends it with confirmations as well
	}
	return r, nil
}
