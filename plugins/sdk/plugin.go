// Package sdk is the library for writing Pointsman plugins. A plugin is one call of Serve:
//
//	type settings struct {
//		URL schema.Secret `pointsman:"url,required" doc:"Where to post."`
//	}
//
//	type arguments struct {
//		Text string `pointsman:"text,required" doc:"What to post."`
//	}
//
//	func main() {
//		sdk.Serve(sdk.Plugin[settings, arguments]{
//			Name: "example",
//			Doc:  "Posts a text.",
//			New: func(ctx context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
//				return sdk.HandlerFunc[arguments](func(ctx context.Context, d *sdk.Delivery[arguments]) error {
//					return post(ctx, s.URL, d.Arguments.Text)
//				}), nil
//			},
//		})
//	}
//
// Package schema documents the struct tags. The handler answers each delivery with an error: nil means done, Reject that no
// retry can succeed, RetryAfter when to retry, and any other error that the router retries on its own schedule.
package sdk

import (
	"context"
	"log/slog"
)

// Version is the version of this SDK. A plugin describes itself as built with "go <Version>".
const Version = "0.1.0"

// Plugin defines a plugin. S is the struct of its settings, A that of its arguments; both have the tags of package schema.
type Plugin[S, A any] struct {
	// Name is the plugin's kind, of [a-z0-9-]+: "slack" for the program pointsman-plugin-slack.
	Name string
	// Version of the plugin. Empty: the version that the Go toolchain recorded, or "dev".
	Version string
	// Doc is one sentence for people. Required.
	Doc string

	// New makes the handler, once, before the first delivery. It may open connections and files. It should not fail because a
	// destination is down at the moment: deliveries are retried later. Its error refuses the settings; it may be or wrap a
	// Diagnostic, or several joined by errors.Join. ctx ends when New returns.
	New func(ctx context.Context, settings S, in Instance) (Handler[A], error)
	// Check returns what is wrong with settings beyond what the struct tags can express. It must open no connections, because
	// `pointsman validate` runs it. May be nil.
	Check func(settings S) []Diagnostic

	// MaxInFlight limits the deliveries in progress, and thereby the concurrent calls of Deliver. 0: 64.
	MaxInFlight int
	// MaxBatch limits the deliveries in one call of a BatchHandler. 0: 64.
	MaxBatch int

	// Commands can be run by hand, as `pointsman-plugin-x <name>`, without a router.
	Commands []Command
}

// Instance describes the `plugin` block that the process serves.
type Instance struct {
	// Name of the block: "ops" for `plugin "slack" "ops"`.
	Name string
	// DataDir is this instance's own folder. It exists, and outlives the process.
	DataDir string
	// Log writes to the router's log, with the same keys and at the router's level. It removes secrets of the settings.
	Log *slog.Logger
}

// Handler processes deliveries. It is called from several goroutines at once.
//
// A Handler may also be a BatchHandler, a Drainer, a Flusher and an io.Closer.
type Handler[A any] interface {
	// Deliver processes one delivery. ctx ends at the delivery's deadline, after which the router does not wait for the result
	// any more, and when the process must stop. The same delivery can arrive again, with the same ID, after an error, a lost
	// result or a crash. A panic counts as an error.
	Deliver(ctx context.Context, d *Delivery[A]) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc[A any] func(ctx context.Context, d *Delivery[A]) error

// Deliver calls f.
func (f HandlerFunc[A]) Deliver(ctx context.Context, d *Delivery[A]) error { return f(ctx, d) }

// BatchHandler is a Handler that processes the waiting deliveries together, up to Plugin.MaxBatch. Its Deliver is never called.
// Calls do not overlap.
type BatchHandler[A any] interface {
	Handler[A]
	// DeliverBatch returns one error for each delivery, in order, with the same meaning as the error of Deliver, or nil if all
	// are done. ctx ends at the earliest deadline of the batch.
	DeliverBatch(ctx context.Context, ds []*Delivery[A]) []error
}

// Drainer is a Handler whose deliveries may wait for others, as in a digest. Drain is called once, when no more deliveries will
// arrive and some may be in progress; they must not wait any longer.
type Drainer interface {
	Drain()
}

// Flusher is a Handler that buffers something. Flush is called once, when no delivery is in progress and none will arrive,
// before Close.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Command is a command of a plugin's program for people, who run it with Name as the first argument.
type Command struct {
	Name string
	// Doc is one line for --help.
	Doc string
	// Run gets the arguments after Name. Its error is printed and makes the exit code 1.
	Run func(ctx context.Context, args []string) error
}
