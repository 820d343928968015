package sdk

import (
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Delivery is one event for one dispatch block of a rule.
type Delivery[A any] struct {
	// ID is the same for all attempts and unique among all deliveries of all routers: use it to deduplicate.
	ID string
	// Attempt counts from 1.
	Attempt int
	// Rule is the name of the rule that made the delivery.
	Rule string
	// Envelope is the event. It belongs to the handler and is never nil.
	Envelope *pointsmanv1.Envelope
	// Arguments are the arguments of the dispatch block, evaluated for this event, defaults filled in.
	Arguments A

	receipt string
	effects []*pluginv1.Effect
}

// SetReceipt records a proof of the delivery for people, such as the id that the destination assigned. It has an effect only if
// the delivery is done. It must contain no secret.
func (d *Delivery[A]) SetReceipt(receipt string) { d.receipt = receipt }

// AddEffect requests an action that only the router can take, such as a message to a room. The router applies it when the
// delivery is done, and not otherwise.
func (d *Delivery[A]) AddEffect(e *pluginv1.Effect) { d.effects = append(d.effects, e) }
