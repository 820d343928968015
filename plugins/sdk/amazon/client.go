package amazon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// CallTimeout bounds one call, including the search for credentials.
const CallTimeout = 15 * time.Second

// Client is what the clients of services share. It follows no redirects and makes one attempt for each call: the router
// retries deliveries.
type Client struct {
	Config    aws.Config
	transport *http.Transport
}

// Open makes a client that reads at most maxResponse bytes of a response and keeps up to idle connections to a host. It makes
// no request.
func (a Account) Open(ctx context.Context, maxResponse int64, idle int) (*Client, error) {
	cfg, err := a.Load(ctx, awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = idle }))
	if err != nil {
		return nil, err
	}
	buildable, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("unexpected HTTP client %T in the AWS configuration", cfg.HTTPClient)
	}
	c := &Client{Config: cfg, transport: buildable.GetTransport()}
	c.Config.HTTPClient = &http.Client{
		Transport:     bounded{c.transport, maxResponse},
		Timeout:       CallTimeout + 5*time.Second, // of one attempt, for callers without WithTimeout
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.Config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c, nil
}

// Close closes idle connections. It returns nil.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// bounded cuts response bodies off.
type bounded struct {
	next http.RoundTripper
	most int64
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, b.most), res.Body}
	return res, nil
}

// WithTimeout returns a context that ends after CallTimeout. Explain names that cause.
func WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, CallTimeout, fmt.Errorf("no response within %s: %w", CallTimeout, context.DeadlineExceeded))
}
