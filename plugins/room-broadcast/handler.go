package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pointsman/pointsman/plugins/room-broadcast/apigateway"
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func start(ctx context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
	if s.APIGateway == nil {
		return native{source: s.Source}, nil
	}
	rooms, err := apigateway.Open(ctx, *s.APIGateway, in.Log)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "apigateway", Summary: err.Error()}
	}
	return apiGateway{rooms}, nil
}

// native lets the router send: the connections are its own.
type native struct{ source string }

// Deliver returns the message as an effect, which the router applies before it settles the delivery.
func (n native) Deliver(_ context.Context, d *sdk.Delivery[arguments]) error {
	m, err := newMessage(&d.Arguments, d.Envelope)
	if err != nil {
		return sdk.Reject(err)
	}
	if m.connection != "" {
		d.AddEffect(&pluginv1.Effect{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{
			Source: n.source, ConnectionId: m.connection, Data: m.data, Binary: m.binary,
		}}})
		d.SetReceipt(fmt.Sprintf("%d bytes to connection %q", len(m.data), m.connection))
		return nil
	}
	d.AddEffect(&pluginv1.Effect{Effect: &pluginv1.Effect_RoomBroadcast{RoomBroadcast: &pluginv1.RoomBroadcast{
		Source: n.source, Room: m.room, Data: m.data, Binary: m.binary, ExceptConnectionId: m.except,
	}}})
	d.SetReceipt(fmt.Sprintf("%d bytes to room %q", len(m.data), m.room))
	return nil
}

// apiGateway sends through Amazon API Gateway.
type apiGateway struct{ rooms *apigateway.Rooms }

// Deliver returns nil when every connection that still exists has received the message.
func (g apiGateway) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	m, err := newMessage(&d.Arguments, d.Envelope)
	if err != nil {
		return sdk.Reject(err)
	}
	receipt, err := g.rooms.Send(ctx, apigateway.Message{
		Delivery: d.ID, Connection: m.connection, Room: m.room, Except: m.except, Frame: m.data,
	})
	refused, ok := errors.AsType[*amazon.Error](err)
	switch {
	case ok && refused.Permanent:
		return sdk.Reject(err)
	case ok:
		return sdk.RetryAfter(err, refused.RetryAfter)
	case err != nil:
		return err
	}
	d.SetReceipt(receipt)
	return nil
}

// Close closes idle HTTP connections.
func (g apiGateway) Close() error { return g.rooms.Close() }
