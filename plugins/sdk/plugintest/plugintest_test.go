package plugintest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

// badEnv makes the test binary run the conformance table on one of the bad plugins.
const badEnv = "PLUGINTEST_BAD"

func TestMain(m *testing.M) {
	if os.Getenv(badEnv) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// TestNoopBinary is the black-box form, for the plugin that the other tests build.
func TestNoopBinary(t *testing.T) {
	plugintest.Binary(t, plugintest.Build(t, "pointsman-plugin-noop"))
}

type settings struct {
	Port int `pointsman:"port,default=1" doc:"Port."`
}

type arguments struct {
	Text string `pointsman:"text,required" doc:"Text."`
}

type deliver = func(ctx context.Context, d *sdk.Delivery[arguments]) error

func plugin(f deliver) sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name: "bad", Version: "1", Doc: "Misbehaves.",
		New: func(context.Context, settings, sdk.Instance) (sdk.Handler[arguments], error) {
			return sdk.HandlerFunc[arguments](f), nil
		},
	}
}

// bad are plugins by the sub-test that must fail, and the good one under "".
var bad = map[string]func(t *testing.T){
	"": func(t *testing.T) {
		conform(t, plugin(func(ctx context.Context, _ *sdk.Delivery[arguments]) error { return ctx.Err() }))
	},
	"description": func(t *testing.T) {
		type undocumented struct {
			Text string `pointsman:"text"`
		}
		plugintest.Run(t, sdk.Plugin[settings, undocumented]{
			Name: "bad", Version: "1", Doc: "Misbehaves.",
			New: func(context.Context, settings, sdk.Instance) (sdk.Handler[undocumented], error) {
				return sdk.HandlerFunc[undocumented](func(context.Context, *sdk.Delivery[undocumented]) error { return nil }), nil
			},
		}, plugintest.Conformance{Settings: `{}`, Arguments: `{"text": "t"}`})
	},
	"bad_settings": func(t *testing.T) {
		plugintest.Run(t, plugin(func(context.Context, *sdk.Delivery[arguments]) error { return nil }), plugintest.Conformance{
			Settings: `{}`, Arguments: `{"text": "t"}`, BadSettings: map[string]string{"port": `{"port": 70000}`},
		})
	},
	"delivers,_and_the_same_again": func(t *testing.T) {
		var seen atomic.Bool
		conform(t, plugin(func(_ context.Context, d *sdk.Delivery[arguments]) error {
			if d.ID == "test-1" && seen.Swap(true) {
				return errors.New("again?")
			}
			return nil
		}))
	},
	"big_event": func(t *testing.T) {
		conform(t, plugin(func(_ context.Context, d *sdk.Delivery[arguments]) error {
			if len(d.Envelope.GetBody()) > 1000 {
				return sdk.Reject(errors.New("too big"))
			}
			return nil
		}))
	},
	"cancelled": func(t *testing.T) {
		conform(t, plugin(func(ctx context.Context, _ *sdk.Delivery[arguments]) error {
			if ctx.Err() != nil {
				return sdk.Reject(errors.New("too late"))
			}
			return nil
		}))
	},
	"drain": func(t *testing.T) {
		var n atomic.Int64
		conform(t, plugin(func(context.Context, *sdk.Delivery[arguments]) error {
			if n.Add(1) > 10 {
				return sdk.Reject(errors.New("no more"))
			}
			return nil
		}))
	},
}

func conform(t *testing.T, p sdk.Plugin[settings, arguments]) {
	plugintest.Run(t, p, plugintest.Conformance{Settings: `{}`, Arguments: `{"text": "t"}`})
}

// TestTableFails: each check of the table finds the plugin that was made for it, and none finds fault with a good one.
func TestTableFails(t *testing.T) {
	for name := range bad {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBad$")
		cmd.Env = append(os.Environ(), badEnv+"=x"+name)
		out, err := cmd.CombinedOutput()
		failed := strings.Contains(string(out), "--- FAIL: TestBad/"+name+" ")
		if name == "" && err != nil || name != "" && !failed {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
	}
}

func TestBad(t *testing.T) {
	run, child := bad[strings.TrimPrefix(os.Getenv(badEnv), "x")]
	if os.Getenv(badEnv) == "" || !child {
		run = bad[""]
	}
	run(t)
}
