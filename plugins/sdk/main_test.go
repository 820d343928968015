package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// The test binary is also the plugin that the tests of Serve start: childEnv says which.
const childEnv = "SDK_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "noise":
		fmt.Println("noise before Serve")
		fmt.Print("no line end")
	case "reserved":
		sdk.Serve(sdk.Plugin[struct{}, struct {
			Retry int `pointsman:"retry"`
		}]{Name: "reserved", Doc: "Doc.", New: func(context.Context, struct{}, sdk.Instance) (sdk.Handler[struct {
			Retry int `pointsman:"retry"`
		}], error,
		) {
			return nil, nil
		}})
	}
	sdk.Serve(testPlugin(nil))
}

type settings struct {
	Token  schema.Secret `pointsman:"token,required" doc:"Token."`
	Refuse string        `pointsman:"refuse" doc:"Text to refuse with."`
	Server server        `pointsman:"server" doc:"Server."`
}

type server struct {
	Port int `pointsman:"port,default=1" doc:"Port."`
}

type arguments struct {
	Do   string        `pointsman:"do,required" doc:"What to do."`
	Wait time.Duration `pointsman:"wait,default=0s" doc:"How long."`
}

// testHandler does what the argument `do` says. hooks may be nil.
type testHandler struct {
	settings settings
	in       sdk.Instance
	hooks    *hooks
}

// hooks let a test look on.
type hooks struct {
	started chan string   // gets the id of each delivery of do = "block"
	release chan struct{} // ends those
	events  chan string   // "drain", "flush", "close"
}

func testPlugin(h *hooks) sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name: "test", Version: "1.2.3", Doc: "Does what a test says.",
		New: func(_ context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
			switch s.Refuse {
			case "":
				return &testHandler{s, in, h}, nil
			case "panic":
				panic("cannot start: " + s.Token.Reveal())
			case "several":
				return nil, errors.Join(sdk.Diagnostic{Path: "token", Summary: "one"}, fmt.Errorf("new: %w", sdk.Diagnostic{Path: "server.port", Summary: "two"}))
			}
			return nil, errors.New(s.Refuse + s.Token.Reveal())
		},
		Check: func(s settings) []sdk.Diagnostic {
			switch s.Server.Port {
			case 0:
				return []sdk.Diagnostic{{Path: "server.port", Summary: "want a port", Detail: "From 1 to 65535."}}
			case 80:
				return []sdk.Diagnostic{{Path: "server.port", Summary: "is not encrypted", Warning: true}}
			}
			return nil
		},
		Commands: []sdk.Command{{Name: "greet", Doc: "greets", Run: func(_ context.Context, args []string) error {
			fmt.Println("hello", args)
			if len(args) == 0 {
				return errors.New("whom?")
			}
			return nil
		}}},
	}
}

func (h *testHandler) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	switch d.Arguments.Do {
	case "ok":
		d.SetReceipt(fmt.Sprintf("%s %d %s %s %s", d.ID, d.Attempt, d.Rule, d.Envelope.GetId(), h.in.Name))
		return nil
	case "retry":
		return errors.New("down")
	case "retry after":
		return fmt.Errorf("post: %w", sdk.RetryAfter(errors.New("slow down"), time.Minute))
	case "reject":
		return fmt.Errorf("post: %w", sdk.Reject(errors.New("no such room")))
	case "reject nothing":
		return sdk.Reject(nil)
	case "leak":
		return fmt.Errorf("post %q: refused", h.settings.Token.Reveal())
	case "panic":
		panic("at the disco")
	case "wait":
		if h.hooks != nil {
			h.hooks.started <- d.ID
		}
		<-ctx.Done()
		return sdk.Reject(ctx.Err())
	case "block":
		h.hooks.started <- d.ID
		<-h.hooks.release
		return nil
	case "hang":
		select {}
	case "print":
		fmt.Println("printed to stdout")
		fmt.Fprintln(os.Stderr, `{"@level":"info","@message":"printed to stderr","@timestamp":"2026-01-02T03:04:05.000000Z"}`)
		log.Print("standard logger")
		slog.Warn("default logger", "token", h.settings.Token.Reveal()) //nolint:sloglint // an author may use it
		h.in.Log.Info("own logger", "event_id", d.Envelope.GetId(), slog.Group("http", "status", 200))
		return nil
	}
	return sdk.Reject(fmt.Errorf("do %q", d.Arguments.Do))
}

func (h *testHandler) Drain()                      { _ = h.say("drain") }
func (h *testHandler) Flush(context.Context) error { return h.say("flush") }
func (h *testHandler) Close() error                { return h.say("close") }

func (h *testHandler) say(what string) error {
	if h.hooks != nil && h.hooks.events != nil {
		h.hooks.events <- what
	}
	return nil
}
