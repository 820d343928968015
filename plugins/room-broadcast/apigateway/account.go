// Package apigateway speaks to the WebSocket connections of an Amazon API Gateway. Who is in a room is known to a DynamoDB table.
package apigateway

import (
	"context"
	"errors"
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

// Options say which API and table to use, and as whom.
type Options struct {
	// Endpoint is the API's stage, as an HTTP URL.
	Endpoint string
	Region   string
	// AccessKey and SecretKey, when both are empty, are looked for where Amazon's tools look: environment, ~/.aws, the
	// machine's role.
	AccessKey, SecretKey, SessionToken schema.Secret
	// Table has the hash key connectionId, and Index finds its rows by their attribute room.
	Table, Index string
	// DynamoDBEndpoint replaces Amazon's own address of the region, unless it is empty.
	DynamoDBEndpoint string
}

const (
	// callTimeout bounds one call, with the search for credentials.
	callTimeout = 10 * time.Second
	// maxAnswer bounds an answer. A page of DynamoDB has at most 1 MiB before it is JSON.
	maxAnswer = 8 << 20
	// maxIdle connections are kept: as many calls as one broadcast makes at the same time.
	maxIdle = concurrency
)

// configuration makes what both clients need. It calls nobody. The transport is the plugin's own: close its idle connections at
// the end.
func (o Options) configuration(ctx context.Context) (aws.Config, *http.Transport, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(o.Region),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = maxIdle
		})), // with any other kind AWS_CA_BUNDLE is an error
	}
	if !o.AccessKey.IsZero() {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKey.Reveal(), o.SecretKey.Reveal(), o.SessionToken.Reveal())))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, nil, fmt.Errorf("read the configuration of Amazon's tools: %w", err)
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return aws.Config{}, nil, errors.New("the HTTP client of Amazon's library is of an unknown type")
	}
	transport := client.GetTransport()
	cfg.HTTPClient = &http.Client{
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} } // retries are this package's and the router's
	cfg.Logger = logging.Nop{}                                   // what it knows is in the errors
	return cfg, transport, nil
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
