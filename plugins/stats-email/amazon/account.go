// Package amazon sends a mail through Amazon: to the subscribers of an SNS topic, or by SES.
package amazon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const (
	// callTimeout bounds one call, with the search for credentials.
	callTimeout = 15 * time.Second
	// maxAnswer bounds an answer. Amazon's have some hundred bytes.
	maxAnswer = 1 << 20
)

// Account says which Amazon to call, and as whom.
type Account struct {
	Region string
	// Endpoint replaces Amazon's own address of the region, unless it is empty.
	Endpoint string
	// AccessKey and SecretKey, when both are empty, are looked for where Amazon's tools look: environment, ~/.aws, the
	// machine's role.
	AccessKey, SecretKey, SessionToken schema.Secret
}

// HasKeys tells that the keys are not looked for.
func (a Account) HasKeys() bool { return !a.AccessKey.IsZero() || !a.SecretKey.IsZero() }

// open makes what a client needs. It calls nobody. The transport is the client's own: close its idle connections at the end.
func (a Account) open(ctx context.Context) (aws.Config, *http.Transport, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(a.Region),
		config.WithHTTPClient(awshttp.NewBuildableClient()), // with any other kind AWS_CA_BUNDLE is an error
	}
	if a.HasKeys() {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(a.AccessKey.Reveal(), a.SecretKey.Reveal(), a.SessionToken.Reveal())))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, nil, fmt.Errorf("read the configuration of Amazon's tools: %w", err)
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return aws.Config{}, nil, fmt.Errorf("the HTTP client of Amazon's library is a %T", cfg.HTTPClient)
	}
	transport := client.GetTransport()
	cfg.HTTPClient = &http.Client{
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} } // the router tries again, and remembers to
	cfg.Logger = logging.Nop{}                                   // what it knows is in the errors
	return cfg, transport, nil
}

// endpoint is nil for Amazon's own.
func (a Account) endpoint() *string {
	if a.Endpoint == "" {
		return nil
	}
	return &a.Endpoint
}

// bounded cuts answers off at maxAnswer.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxAnswer), res.Body}
	return res, nil
}

// withTimeout is ctx for one call.
func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, callTimeout, fmt.Errorf("no answer within %s: %w", callTimeout, context.DeadlineExceeded))
}
