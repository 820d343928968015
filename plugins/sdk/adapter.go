package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// adapter hides the types S and A from the rest of the package, which sees settings and arguments as JSON.
type adapter[S, A any] struct {
	plugin    Plugin[S, A]
	settings  *schema.Decoder
	arguments *schema.Decoder
}

// newAdapter derives the schemas of settings and arguments. It returns an error if a struct has invalid tags.
func newAdapter[S, A any](p Plugin[S, A]) (*adapter[S, A], error) {
	settings, err := schema.NewDecoder(new(S))
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	arguments, err := schema.NewDecoder(new(A))
	if err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	if err := schema.CheckArguments(arguments.Schema()); err != nil {
		return nil, err
	}
	return &adapter[S, A]{plugin: p, settings: settings, arguments: arguments}, nil
}

// check decodes settings and runs the plugin's own check.
func (a *adapter[S, A]) check(log *slog.Logger, settings []byte) (ds []Diagnostic) {
	var s S
	if err := a.settings.Decode(settings, &s); err != nil {
		return diagnose(err)
	}
	if a.plugin.Check == nil {
		return nil
	}
	if err := guard(log, "check of the settings", func() error { ds = a.plugin.Check(s); return nil }); err != nil {
		return diagnose(err)
	}
	return ds
}

// start makes the handler. The caller has checked the settings.
func (a *adapter[S, A]) start(ctx context.Context, settings []byte, in Instance) (engine, error) {
	var s S
	if err := a.settings.Decode(settings, &s); err != nil {
		return nil, err
	}
	e := &handlerEngine[A]{arguments: a.arguments, log: in.Log}
	err := guard(in.Log, "start of the plugin", func() (err error) {
		e.handler, err = a.plugin.New(ctx, s, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	if e.handler == nil {
		return nil, errors.New("the plugin's New returned neither a handler nor an error")
	}
	e.batcher, _ = e.handler.(BatchHandler[A])
	return e, nil
}

// handlerEngine is the engine around a Handler.
type handlerEngine[A any] struct {
	arguments *schema.Decoder
	handler   Handler[A]
	batcher   BatchHandler[A] // nil: none
	log       *slog.Logger
}

func (e *handlerEngine[A]) batch() bool { return e.batcher != nil }
func (e *handlerEngine[A]) hooks() any  { return e.handler }

func (e *handlerEngine[A]) one(ctx context.Context, in *pluginv1.Delivery) *pluginv1.Result {
	d, refused := e.decode(in)
	if refused != nil {
		return refused
	}
	return finish(ctx, d, e.call(ctx, d))
}

// call calls Deliver and turns a panic into an error.
func (e *handlerEngine[A]) call(ctx context.Context, d *Delivery[A]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(e.log.With("delivery", d.ID, "rule", d.Rule), "delivery", p)
		}
	}()
	return e.handler.Deliver(ctx, d)
}

// many calls DeliverBatch for the valid deliveries and merges its errors with the rejections of invalid ones.
func (e *handlerEngine[A]) many(ctx context.Context, ins []*pluginv1.Delivery) []*pluginv1.Result {
	results := make([]*pluginv1.Result, len(ins))
	ds, at := make([]*Delivery[A], 0, len(ins)), make([]int, 0, len(ins))
	for i, in := range ins {
		d, refused := e.decode(in)
		if refused != nil {
			results[i] = refused
			continue
		}
		ds, at = append(ds, d), append(at, i)
	}
	if len(ds) == 0 {
		return results
	}
	errs, failed := e.callBatch(ctx, ds)
	for k, d := range ds {
		err := failed
		if failed == nil && errs != nil {
			err = errs[k]
		}
		results[at[k]] = finish(ctx, d, err)
	}
	return results
}

// callBatch calls DeliverBatch. failed is set if it panicked or returned the wrong number of errors.
func (e *handlerEngine[A]) callBatch(ctx context.Context, ds []*Delivery[A]) (errs []error, failed error) {
	failed = guard(e.log, "batch of deliveries", func() error {
		errs = e.batcher.DeliverBatch(ctx, ds)
		if errs != nil && len(errs) != len(ds) {
			return fmt.Errorf("DeliverBatch returned %d errors for %d deliveries: correct the plugin", len(errs), len(ds))
		}
		return nil
	})
	return errs, failed
}

// decode returns a Delivery, or a rejection if its arguments do not satisfy the schema: a retry would not change them.
func (e *handlerEngine[A]) decode(in *pluginv1.Delivery) (*Delivery[A], *pluginv1.Result) {
	d := &Delivery[A]{ID: in.GetId(), Attempt: int(in.GetAttempt()), Rule: in.GetRule(), Envelope: in.GetEnvelope()}
	if d.Envelope == nil {
		d.Envelope = &pointsmanv1.Envelope{}
	}
	if err := e.arguments.Decode(in.GetArguments(), &d.Arguments); err != nil {
		return nil, &pluginv1.Result{
			Id: d.ID, Outcome: pluginv1.Outcome_OUTCOME_REJECT, Message: clip("arguments: " + err.Error()),
		}
	}
	return d, nil
}

func finish[A any](ctx context.Context, d *Delivery[A], err error) *pluginv1.Result {
	r := resultOf(ctx, d.ID, err)
	if err == nil {
		r.Receipt, r.Effects = clip(d.receipt), d.effects
	}
	return r
}

// guard calls f and turns a panic into an error.
func guard(log *slog.Logger, what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(log, what, p)
		}
	}()
	return f()
}

// panicked logs a panic and returns an error for it. Call it in the deferred function that recovered.
func panicked(log *slog.Logger, what string, p any) error {
	err := fmt.Errorf("panic: %v", p)
	log.Error("panic", "in", what, "err", err, "stack", ownStack(string(debug.Stack())))
	return err
}

// ownStack returns the plugin's part of a stack: without the frames of the recovery and the runtime above the panic, and
// without the frames of this package below.
func ownStack(stack string) string {
	_, frames, ok := strings.Cut(stack, "\npanic(")
	if !ok {
		return stack
	}
	for range 2 { // the rest of the line "panic(...)", and its position
		_, frames, _ = strings.Cut(frames, "\n")
	}
	frames, _, _ = strings.Cut(frames, "\ngithub.com/pointsman/pointsman/plugins/sdk.")
	return frames
}
