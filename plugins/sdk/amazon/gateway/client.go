package gateway

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// Outcomes of a message to one connection that are not failures of the API.
var (
	// ErrGone is also returned for an id that the API never gave.
	ErrGone = errors.New("the connection is gone")
	// ErrSlow means that the client does not read, or that there are too many calls: API Gateway responds with 429 to both.
	ErrSlow = errors.New("the connection accepts no more messages")
)

const (
	// ConnectGrace is how long a connection that is called gone may still be opening: API Gateway waits 29 s for the response
	// to $connect.
	ConnectGrace = 30 * time.Second
	// MaxAttempts is how often Post sends a message.
	MaxAttempts = 5
	// maxRetryAfter is the longest Retry-After that Post waits for.
	maxRetryAfter = 10 * time.Second
	// maxResponse bounds a response. A page of DynamoDB has at most 1 MiB before it is JSON.
	maxResponse = 8 << 20
)

// Client sends to the connections of one stage.
type Client struct {
	*amazon.Client
	api *apigatewaymanagementapi.Client
	// Pause after the first attempt of Post; it doubles. Tests make it shorter.
	Pause time.Duration
}

// Open makes a client for up to parallel calls at the same time. It makes no request.
func Open(ctx context.Context, s Settings, parallel int) (*Client, error) {
	c, err := s.Open(ctx, maxResponse, parallel)
	if err != nil {
		return nil, err
	}
	stage := strings.TrimRight(s.Endpoint, "/")
	api := apigatewaymanagementapi.NewFromConfig(c.Config, func(o *apigatewaymanagementapi.Options) { o.BaseEndpoint = &stage })
	return &Client{Client: c, api: api, Pause: 100 * time.Millisecond}, nil
}

// Post sends a message to one connection. As long as again returns true for the error, it makes up to MaxAttempts attempts.
// The error is ErrGone, ErrSlow or one of amazon.Explain.
func (c *Client) Post(ctx context.Context, connection string, data []byte, again func(error) bool) error {
	pause := c.Pause
	for attempt := 1; ; attempt++ {
		err := c.postOnce(ctx, connection, data)
		if err == nil || attempt == MaxAttempts || !again(err) {
			return err
		}
		wait := pause/2 + rand.N(pause)
		if refusal, ok := errors.AsType[*amazon.Error](err); ok {
			if refusal.RetryAfter > maxRetryAfter {
				return err
			}
			wait = max(wait, refusal.RetryAfter)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		pause *= 2
	}
}

func (c *Client) postOnce(ctx context.Context, connection string, data []byte) error {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	_, err := c.api.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &connection, Data: data})
	if err == nil {
		return nil
	}
	return explain(ctx, "post to a connection", err)
}

// Disconnect ends a connection. The error is ErrGone or one of amazon.Explain.
func (c *Client) Disconnect(ctx context.Context, connection string) error {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	_, err := c.api.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connection})
	if err == nil {
		return nil
	}
	return explain(ctx, "disconnect a connection", err)
}

// hints say what to do about a permanent refusal, by the code of DynamoDB and by the status of API Gateway.
var (
	codeHints = map[string]string{
		"ResourceNotFoundException": "see that table and region are right",
		"ValidationException":       "see that the table has the index, and the index the hash key room",
		"AccessDeniedException":     "the credentials need access to the table and to its index",
	}
	statusHints = map[int]string{
		http.StatusForbidden:             "the credentials need execute-api:ManageConnections for this stage",
		http.StatusNotFound:              "see that endpoint ends with the stage of the API",
		http.StatusRequestEntityTooLarge: "API Gateway accepts at most 128 KB",
	}
)

// Hint adds what to do to a permanent refusal of API Gateway or DynamoDB.
func Hint(e *amazon.Error) {
	if e.Permanent {
		e.Hint = cmp.Or(codeHints[e.Code], statusHints[e.Status])
	}
}

func explain(ctx context.Context, call string, err error) error {
	e, refused := amazon.ErrorOf(err)
	switch {
	case !refused:
	case e.Status == http.StatusGone, e.Status == http.StatusBadRequest && strings.Contains(e.Message, "connectionId"):
		return ErrGone
	case e.Status == http.StatusTooManyRequests && e.RetryAfter == 0: // otherwise the API itself asks for time
		return ErrSlow
	}
	return amazon.Explain(ctx, call, err, Hint)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
