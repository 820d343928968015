package apigateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/smithy-go"
)

// Outcomes of speaking to one connection that are no failures.
var (
	errGone = errors.New("the connection is gone")
	errSlow = errors.New("the connection takes no more")
)

const (
	// postTimeout bounds one call, with the search for credentials.
	postTimeout = 10 * time.Second
	// maxTries is how often a message is offered to a connection.
	maxTries = 5
)

// api is one stage of the API, as a place to speak to its connections.
type api struct {
	client    *apigatewaymanagementapi.Client
	transport *http.Transport
	// pause after the first refusal; it doubles.
	pause time.Duration
}

func newAPI(cfg aws.Config, transport *http.Transport, endpoint string) *api {
	endpoint = strings.TrimRight(endpoint, "/")
	return &api{transport: transport, pause: 100 * time.Millisecond, client: apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) {
		o.BaseEndpoint = &endpoint
		o.Retryer = aws.NopRetryer{} // post knows better what to try again
	})}
}

// post offers a message until it is taken or there is no use in offering it. Its error may be errGone or errSlow. API Gateway
// answers alike to a connection that does not read and to too many calls. young: the connection may be about to be there, for
// until $connect is answered API Gateway says that it is gone.
func (a *api) post(ctx context.Context, connection string, data []byte, young bool) error {
	pause := a.pause
	for try := 1; ; try++ {
		err := a.postOnce(ctx, connection, data)
		again := errors.Is(err, errSlow) || errors.Is(err, errGone) && young || passes(err)
		if !again || try == maxTries {
			return err
		}
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
		pause *= 2
	}
}

func (a *api) postOnce(ctx context.Context, connection string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	_, err := a.client.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &connection, Data: data})
	switch {
	case err == nil:
		return nil
	case isGone(err):
		return errGone
	case statusOf(err) == http.StatusTooManyRequests:
		return errSlow
	}
	return explain("post to a connection", err)
}

// passes reports whether a failure may pass by itself: one of the API's own, or no answer at all.
func passes(err error) bool {
	if answer, ok := errors.AsType[*refusal](err); ok {
		return answer.status >= http.StatusInternalServerError
	}
	return err != nil && !errors.Is(err, errGone)
}

// isGone is also true of an id that this API never gave.
func isGone(err error) bool {
	switch statusOf(err) {
	case http.StatusGone:
		return true
	case http.StatusBadRequest:
		said, ok := errors.AsType[smithy.APIError](err)
		return ok && strings.Contains(said.ErrorMessage(), "connectionId")
	}
	return false
}

// disconnect ends a connection. That it has ended by itself is no error.
func (a *api) disconnect(ctx context.Context, connection string) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	_, err := a.client.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connection})
	if err != nil && !isGone(err) {
		return explain("disconnect a connection that takes no more", err)
	}
	return nil
}

func (a *api) close() { a.transport.CloseIdleConnections() }

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
