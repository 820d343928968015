// Package sdk is what a Pointsman plugin is written against. A plugin is one call of Serve:
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
// The struct tags are those of package schema. The handler answers each delivery with an error: nil says that it is done,
// Reject that it can never be done, RetryAfter when to try again, and any other error that the router should try again on
// its own schedule.
package sdk

import (
	"context"
	"log/slog"
)

// Version is the version of this SDK. A plugin describes itself as built with "go <Version>".
const Version = "0.1.0"

// Plugin is everything that a plugin is. S is the struct of its settings, A that of its arguments; both carry the tags of
// package schema.
type Plugin[S, A any] struct {
	// Name is the plugin's kind, of [a-z0-9-]+: "slack" for the program pointsman-plugin-slack.
	Name string
	// Version of the plugin. Empty: the version that the Go toolchain recorded, or "dev".
	Version string
	// Doc is one sentence for people. Required.
	Doc string

	// New makes the handler, once, before the first delivery. It may open connections and files, and should not fail
	// because a destination is down for the moment: that is what retries are for. Its error refuses the settings; it may be
	// or wrap a Diagnostic, or be several, joined by errors.Join. ctx ends when New has returned.
	New func(ctx context.Context, settings S, in Instance) (Handler[A], error)
	// Check says what is wrong with settings that satisfy the schema, beyond what the tags can say. It opens nothing: it is
	// all that runs when the router only checks a configuration. May be nil.
	Check func(settings S) []Diagnostic

	// MaxInFlight is how many deliveries may be under way at once, and so how many calls of Deliver. 0: 64.
	MaxInFlight int
	// MaxBatch is how many deliveries a BatchHandler takes in one call. 0: 64.
	MaxBatch int

	// Commands are run by hand, as `pointsman-plugin-x <name>`, apart from any router.
	Commands []Command
}

// Instance is what a plugin knows of the `plugin` block that it serves.
type Instance struct {
	// Name of the block: "ops" for `plugin "slack" "ops"`.
	Name string
	// DataDir is a folder of this instance's own that outlives the process. It exists.
	DataDir string
	// Log reaches the router's log with its keys, at the router's level. Secrets of the settings are taken out of it.
	Log *slog.Logger
}

// Handler does the deliveries. It is used from several goroutines at once.
//
// A Handler may also be a BatchHandler, a Drainer, a Flusher and an io.Closer.
type Handler[A any] interface {
	// Deliver does one delivery. ctx ends at the delivery's deadline, after which the router no longer waits for the
	// result, and when the process must stop. The same delivery can come again, with the same ID: after an error, a lost
	// result or a crash. A panic counts as an error.
	Deliver(ctx context.Context, d *Delivery[A]) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc[A any] func(ctx context.Context, d *Delivery[A]) error

// Deliver calls f.
func (f HandlerFunc[A]) Deliver(ctx context.Context, d *Delivery[A]) error { return f(ctx, d) }

// BatchHandler is a Handler that does several deliveries at once, as many as are waiting, up to Plugin.MaxBatch. Deliver is
// not called then. Calls do not overlap.
type BatchHandler[A any] interface {
	Handler[A]
	// DeliverBatch returns one error for each delivery, in their order, with the meaning of Deliver's. nil says that all are
	// done. ctx ends at the earliest deadline of the batch.
	DeliverBatch(ctx context.Context, ds []*Delivery[A]) []error
}

// Drainer is a Handler whose deliveries may wait for others, as those of a digest do. Drain is called once, when no more will
// come and some may still be under way: nothing must wait any longer.
type Drainer interface {
	Drain()
}

// Flusher is a Handler that keeps something back. Flush is called once, when no delivery is under way and none will come,
// before Close.
type Flusher interface {
	Flush(ctx context.Context) error
}

// Command is something that a plugin's program does when a person runs it with Name as the first argument.
type Command struct {
	Name string
	// Doc is one line for --help.
	Doc string
	// Run gets the arguments after Name. Its error is printed and makes the exit code 1.
	Run func(ctx context.Context, args []string) error
}
