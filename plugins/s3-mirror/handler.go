package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/sdk"
)

// arguments are those of a `dispatch` block.
type arguments struct {
	Bucket string `pointsman:"bucket" doc:"Bucket of the object. Default: the event's; for events that are not of S3, the source's."`
	Key    string `pointsman:"key" doc:"Key of the object, as a client would write it. Default: the event's."`
}

// engine is the part of *mirror.Mirror that a handler uses.
type engine interface {
	Wants(key string) bool
	Converge(ctx context.Context, key string, hint mirror.Hint) (mirror.Result, error)
	SyncTags(ctx context.Context, key string) (mirror.Result, error)
}

// handler turns deliveries into calls of the engine: one at a time for a key, and none for events that an earlier call has
// covered.
type handler struct {
	engine engine
	bucket string
	skip   []string // principals
	keys   *keyLocks
	fresh  *fresh
	now    func() time.Time
}

func start(_ context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
	m, err := s.newMirror(in.Log)
	if err != nil {
		return nil, err
	}
	return newHandler(m, s, time.Now), nil
}

func newHandler(e engine, s settings, now func() time.Time) *handler {
	return &handler{engine: e, bucket: s.Source.Bucket, skip: s.SkipPrincipals, keys: newKeyLocks(), fresh: newFresh(), now: now}
}

// Deliver makes the destination's object equal to the current one of the source. It rejects permanent failures.
func (h *handler) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	what, why := h.meaning(d.Envelope)
	if what == nothing {
		return finish(d, mirror.Result{Action: mirror.Skipped, Why: why})
	}
	key, err := h.key(d)
	if err != nil {
		return sdk.Reject(err)
	}
	if !h.engine.Wants(key) {
		return finish(d, mirror.Result{Action: mirror.Skipped, Why: "excluded by the prefix or the filters"})
	}
	unlock, err := h.keys.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if h.fresh.covers(key, received(d.Envelope)) {
		return finish(d, mirror.Result{Action: mirror.Unchanged, Why: "mirrored after this event was received"})
	}
	r, err := h.act(ctx, what, key, d)
	if err != nil {
		return outcome(err)
	}
	h.fresh.remember(key, r.AsOf)
	return finish(d, r)
}

func (h *handler) act(ctx context.Context, what meaning, key string, d *sdk.Delivery[arguments]) (mirror.Result, error) {
	if what == tags {
		return h.engine.SyncTags(ctx, key)
	}
	return h.engine.Converge(ctx, key, mirror.Hint{
		Created: what == created, Age: h.now().Sub(received(d.Envelope)), Attempt: d.Attempt,
	})
}

func finish(d *sdk.Delivery[arguments], r mirror.Result) error {
	d.SetReceipt(r.String())
	return nil
}

func received(e *pointsmanv1.Envelope) time.Time { return time.Unix(0, e.GetReceivedUnixNano()) }

// meaning is the call that an event causes.
type meaning int

const (
	nothing meaning = iota
	converge
	created // converge, and the object should exist
	tags
)

// meanings of the types of S3 events. Other types change neither bytes nor attributes of the current object.
var meanings = map[string]meaning{
	"s3.object.created": created, "s3.object.removed": converge, "s3.object.restored": converge, "s3.object.tagged": tags,
}

// meaning returns a reason with nothing.
func (h *handler) meaning(e *pointsmanv1.Envelope) (meaning, string) {
	if e.GetKind() != "s3" && e.GetS3() == nil {
		return converge, ""
	}
	if p := e.GetS3().GetPrincipalId(); p != "" && slices.Contains(h.skip, p) {
		return nothing, fmt.Sprintf("caused by %q, which is in skip_principals", p)
	}
	if e.GetType() == "s3.object.acl" {
		return nothing, "access control lists are not mirrored"
	}
	what := meanings[e.GetType()]
	if what == nothing {
		return nothing, e.GetType() + " does not change the object"
	}
	return what, ""
}

// key returns the key of the delivery's object, which must be in the source's bucket.
func (h *handler) key(d *sdk.Delivery[arguments]) (string, error) {
	object := d.Envelope.GetS3().GetObject()
	bucket, key := d.Arguments.Bucket, d.Arguments.Key
	if bucket == "" {
		bucket = object.GetBucket()
	}
	if key == "" {
		key = object.GetKey()
	}
	switch {
	case key == "":
		return "", errors.New("no object: the event has no key, and the rule does not set the argument key")
	case bucket != "" && bucket != h.bucket:
		return "", fmt.Errorf("the event is of bucket %q, and this mirror's source is %q: let the rule select with `when = event.data.object.bucket == %q`",
			bucket, h.bucket, h.bucket)
	}
	return key, nil
}

// outcome rejects permanent errors and passes Retry-After on to the router.
func outcome(err error) error {
	e, ok := errors.AsType[*mirror.Error](err)
	switch {
	case ok && e.Permanent:
		return sdk.Reject(err)
	case ok && e.RetryAfter > 0:
		return sdk.RetryAfter(err, e.RetryAfter)
	}
	return err
}
