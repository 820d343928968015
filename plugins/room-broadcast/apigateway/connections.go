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

// Outcomes of speaking to one connection that are no failures of the broadcast.
var (
	errGone = errors.New("the connection is gone")
	errSlow = errors.New("the connection takes no more")
)

// maxPosts is how often a frame is offered to a connection that takes no more.
const maxPosts = 5

// connections are those of one stage.
type connections struct {
	client *apigatewaymanagementapi.Client
	// pause after the first refusal for being too fast; it doubles.
	pause time.Duration
}

func newConnections(cfg aws.Config, o Options) *connections {
	endpoint := strings.TrimRight(o.Endpoint, "/")
	return &connections{pause: 100 * time.Millisecond, client: apigatewaymanagementapi.NewFromConfig(cfg, func(a *apigatewaymanagementapi.Options) {
		a.BaseEndpoint = &endpoint
	})}
}

// post sends a frame. Its error may be errGone or errSlow. API Gateway answers alike to a connection that does not read and to
// too many calls.
func (c *connections) post(ctx context.Context, connection string, frame []byte) error {
	pause := c.pause
	for n := 1; ; n++ {
		err := c.postOnce(ctx, connection, frame)
		if !errors.Is(err, errSlow) || n == maxPosts {
			return err
		}
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return err
		}
		pause *= 2
	}
}

func (c *connections) postOnce(ctx context.Context, connection string, frame []byte) error {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	_, err := c.client.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &connection, Data: frame})
	switch {
	case err == nil:
		return nil
	case isGone(err):
		return errGone
	case statusOf(err) == http.StatusTooManyRequests:
		return errSlow
	}
	return explain(ctx, "post to a connection", err)
}

// isGone is also true of an id that this API never gave.
func isGone(err error) bool {
	switch statusOf(err) {
	case http.StatusGone:
		return true
	case http.StatusBadRequest:
		refusal, ok := errors.AsType[smithy.APIError](err)
		return ok && strings.Contains(refusal.ErrorMessage(), "connectionId")
	}
	return false
}

// disconnect ends a connection. That it has ended by itself is no error.
func (c *connections) disconnect(ctx context.Context, connection string) error {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	_, err := c.client.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connection})
	if err != nil && !isGone(err) {
		return explain(ctx, "disconnect a slow connection", err)
	}
	return nil
}

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
