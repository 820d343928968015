package dispatch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// TestMain makes the test binary a plugin when it is run under a plugin's name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == handshake.FilePrefix+"test" {
		sdk.Serve(testPlugin())
	}
	goleak.VerifyTestMain(m)
}

type testSettings struct{}

type testArguments struct {
	// Do is what happens to the delivery: done (default), crash, hang, late (done at the second attempt).
	Do string `pointsman:"do" doc:"What to do."`
}

type testHandler struct{}

func testPlugin() sdk.Plugin[testSettings, testArguments] {
	return sdk.Plugin[testSettings, testArguments]{
		Name: "test", Doc: "Does what its arguments request.", MaxInFlight: 32,
		New: func(context.Context, testSettings, sdk.Instance) (sdk.Handler[testArguments], error) {
			return testHandler{}, nil
		},
	}
}

func (testHandler) Deliver(_ context.Context, d *sdk.Delivery[testArguments]) error {
	switch d.Arguments.Do {
	case "crash":
		go func() { panic("poison in " + d.Envelope.GetId()) }() // the SDK survives a panic of Deliver itself
		select {}
	case "hang":
		select {}
	case "late":
		if d.Attempt == 1 {
			return errors.New("not yet")
		}
	}
	return nil
}
