package mirror

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// Timeouts of a connection without data. A destination sends nothing while it stores a part, joins parts or copies.
const (
	sourceSilence      = time.Minute
	destinationSilence = 5 * time.Minute
)

// attempts of one request. They cover short failures; the router retries for hours.
const (
	attempts   = 3
	maxBackoff = 2 * time.Second
)

func newClient(s Side, c Config, silence time.Duration) (*s3.Client, error) {
	transport, err := newTransport(s.CA, c.Concurrency)
	if err != nil {
		return nil, err
	}
	account := s.Account
	if account.Region == "" && s.Endpoint != "" {
		account.Region = "us-east-1"
	}
	cfg, err := account.Load(context.Background(), awshttp.NewBuildableClient().WithReadTimeout(silence).WithTransportOptions(transport))
	if err != nil {
		return nil, err
	}
	cfg.Retryer = func() aws.Retryer { return newRetryer(c.backoff) }
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		if s.Endpoint != "" {
			o.BaseEndpoint = aws.String(s.Endpoint)
		}
		o.UsePathStyle = s.pathStyle()
		// The SDK sends its checksums as trailers, which many stores do not support. Uploads get a header instead.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		// Each part would take a second longer with a store that does not send "100 Continue".
		o.ContinueHeaderThresholdBytes = -1
	}), nil
}

func newTransport(pem string, concurrency int) (func(*http.Transport), error) {
	var roots *x509.CertPool
	if pem != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(pem)) {
			return nil, errors.New("ca: there is no certificate in it")
		}
	}
	return func(t *http.Transport) {
		if roots != nil {
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			t.TLSClientConfig.RootCAs = roots
		}
		t.DisableCompression = true // a stored gzip must arrive as it is
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 2*concurrency
		t.ReadBufferSize, t.WriteBufferSize = 64<<10, 64<<10
		// One HTTP/2 connection for all transfers is slower than a connection for each.
		t.ForceAttemptHTTP2 = false
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}, nil
}

func newRetryer(longest time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = longest
		o.RateLimiter = ratelimit.None
		o.Retryables = slices.Concat([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryAtOnce)}, o.Retryables)
	})
}

// retryAtOnce denies retries within a delivery after a response with Retry-After, which the SDK ignores. The router waits that
// long before the next attempt.
func retryAtOnce(err error) aws.Ternary {
	if response, ok := amazon.ErrorOf(err); ok && response.RetryAfter > 0 {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
