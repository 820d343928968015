package sdk

import (
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Delivery is one event for one dispatch block of a rule.
type Delivery[A any] struct {
	// ID never changes over attempts, and no other delivery of any router ever has it: what to deduplicate by.
	ID string
	// Attempt counts from 1.
	Attempt int
	// Rule is the name of the rule that asked for it.
	Rule string
	// Envelope is the event. It belongs to the handler and is never nil.
	Envelope *pointsmanv1.Envelope
	// Arguments are those of the dispatch block, evaluated for this event, with defaults.
	Arguments A

	receipt string
	effects []*pluginv1.Effect
}

// SetReceipt keeps a proof of the delivery for people, such as the id that the destination gave. It counts when the
// delivery is done. It must hold no secret.
func (d *Delivery[A]) SetReceipt(receipt string) { d.receipt = receipt }

// AddEffect asks the router to do something that only the router can, along with settling this delivery as done. Nothing
// happens when the delivery is not done.
func (d *Delivery[A]) AddEffect(e *pluginv1.Effect) { d.effects = append(d.effects, e) }
