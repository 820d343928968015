package intdash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/pointsman/pointsman/plugins/sdk/retryafter"
)

// tokenTimeout limits one request for an access token.
const tokenTimeout = 20 * time.Second

// tokens obtains access tokens by OAuth2 client credentials (RFC 6749 section 4.4) and caches the current one.
type tokens struct {
	conf clientcredentials.Config
	http *http.Client
	lock chan struct{} // a mutex, held by sending, whose wait a context can end
	cur  *oauth2.Token // guarded by lock
}

func newTokens(conf clientcredentials.Config, c *http.Client) *tokens {
	conf.AuthStyle = oauth2.AuthStyleInParams
	return &tokens{conf: conf, http: c, lock: make(chan struct{}, 1)}
}

// get returns a valid access token other than refused, which the server has just rejected.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if t.cur.Valid() && t.cur.AccessToken != refused {
		return t.cur.AccessToken, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	tok, err := t.conf.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return "", tokenError(err)
	}
	t.cur = tok
	return tok.AccessToken, nil
}

func tokenError(err error) error {
	var re *oauth2.RetrieveError
	if !errors.As(err, &re) || re.Response == nil {
		return fmt.Errorf("get access token: %w", err)
	}
	// The library's error would repeat the whole body.
	e := &Error{
		Status:    re.Response.StatusCode,
		Permanent: !retryable(re.Response.StatusCode) && re.Response.StatusCode >= 300,
		Message:   fmt.Sprintf("intdash answered %s to the request for an access token", re.Response.Status),
	}
	if text := errorText(re.Body); text != "" {
		e.Message += ": " + text
	}
	if e.Permanent {
		e.Message += "; check the url, client_id and client_secret in the settings"
	} else {
		e.RetryAfter = retryafter.Parse(re.Response.Header, time.Now(), maxRetryAfter)
	}
	return e
}
