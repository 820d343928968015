package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/pointsman/pointsman/core/source/websocket"
)

// configuration makes what both clients need. It calls nobody. The transport is ours: close its idle connections at the end.
func configuration(ctx context.Context, settings *websocket.APIGateway) (aws.Config, *http.Transport, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = maxPosts
		})), // with any other kind AWS_CA_BUNDLE is an error
		config.WithDefaultsMode(aws.DefaultsModeStandard), // auto would ask the machine where it runs
	}
	if settings.Region != "" {
		options = append(options, config.WithRegion(settings.Region))
	}
	if !settings.AccessKey.IsZero() {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(
			settings.AccessKey.Reveal(), settings.SecretKey.Reveal(), settings.SessionToken.Reveal())))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, nil, fmt.Errorf("read the configuration of Amazon's tools: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, nil, errors.New("apigateway.region: set it: Amazon's tools have no region configured either")
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return aws.Config{}, nil, errors.New("the HTTP client of Amazon's library is of an unknown type")
	}
	transport := client.GetTransport()
	cfg.HTTPClient = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	cfg.Logger = logging.Nop{} // what it knows is in the errors
	return cfg, transport, nil
}

// refusal is what a service answered.
type refusal struct {
	status  int
	message string
}

func (e *refusal) Error() string { return e.message }

// explain words the error of a call for people: a *refusal if the service answered. what is the call as they know it.
func explain(what string, err error) error {
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		status := statusOf(err)
		return &refusal{status, fmt.Sprintf("%s: %d %.100s: %.500s", what, status, oneLine(said.ErrorCode()), oneLine(said.ErrorMessage()))}
	}
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		err = operation.Err // without the library's names of things
	}
	return fmt.Errorf("%s: %w", what, err)
}

// statusOf is that of the answer, 0 when there was none.
func statusOf(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// oneLine makes what a server wrote fit into a log.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}
