package plugintest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Conformance describes a plugin to Run.
type Conformance struct {
	// Settings, a JSON object, with which deliveries of Arguments succeed: the destination is a server of the test's own.
	// Its secrets must be long enough to be unique in all output, because Run checks that they never appear there.
	Settings string
	// Failing are settings that satisfy the schema and with which deliveries fail: a destination that refuses or is not
	// reachable. Their secrets must not appear in any output either. Empty: Settings.
	Failing string
	// BadSettings are settings that satisfy the schema and that Check or New must refuse, by the path of the diagnostic.
	BadSettings map[string]string
	// Arguments, a JSON object, of a delivery that succeeds.
	Arguments string
	// Event makes the envelope of such a delivery. nil: the function Event.
	Event func() *pointsmanv1.Envelope
	// BigRejected says that the plugin may reject an event of 1 MiB.
	BigRejected bool
}

// cancelled is how long a plugin may take to answer after its context ended.
const cancelled = 5 * time.Second

// Run checks, in sub-tests, the rules that hold for every plugin.
func Run[S, A any](t *testing.T, p sdk.Plugin[S, A], c Conformance) {
	if c.Event == nil {
		c.Event = Event
	}
	if c.Failing == "" {
		c.Failing = c.Settings
	}
	s := &suite{Conformance: c, open: func(t *testing.T) *Harness { return Open(t, p) }}
	s.watched = func(t *testing.T) (*Harness, func() bool) {
		opened := false
		watched := p
		watched.New = func(ctx context.Context, settings S, in sdk.Instance) (sdk.Handler[A], error) {
			opened = true
			return p.New(ctx, settings, in)
		}
		return Open(t, watched), func() bool { return opened }
	}
	t.Run("description", s.description)
	t.Run("bad settings", s.badSettings)
	t.Run("validate only", s.validateOnly)
	t.Run("delivers, and the same again", s.delivers)
	t.Run("batch call", s.batchCall)
	t.Run("bad arguments", s.badArguments)
	t.Run("big event", s.bigEvent)
	t.Run("cancelled", s.cancelled)
	t.Run("drain", s.drain)
	t.Run("failing", s.failing)
}

// suite is one Run. open makes a plugin that is not configured; watched also records whether its New was called.
type suite struct {
	Conformance
	open    func(t *testing.T) *Harness
	watched func(t *testing.T) (*Harness, func() bool)
}

// start opens a plugin with settings and checks at the end of the test that its log contains none of their secrets.
func (s *suite) start(t *testing.T, settings string) *Harness {
	t.Helper()
	h := s.open(t)
	s.noSecrets(t, h, settings, "the diagnostics", fmt.Sprint(h.mustConfigure(settings)))
	t.Cleanup(func() { s.noSecrets(t, h, settings, "the log", h.Log()) })
	return h
}

func (h *Harness) mustConfigure(settings string) []*pluginv1.Diagnostic {
	h.t.Helper()
	ds := h.Configure(settings, false)
	for _, d := range ds {
		if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR {
			h.t.Fatalf("the plugin refused its settings: %s: %s %s", d.GetPath(), d.GetSummary(), d.GetDetail())
		}
	}
	return ds
}

func (s *suite) noSecrets(t *testing.T, h *Harness, settings, where, text string) {
	t.Helper()
	for i, secret := range schema.Secrets(h.Description().GetSettings(), []byte(settings)) {
		if len(secret) < 6 {
			t.Errorf("secret %d of the settings is too short to be distinguished from other text", i)
		} else if strings.Contains(text, secret) {
			t.Errorf("secret %d of the settings is seen in %s:\n%s", i, where, text)
		}
	}
}

func (s *suite) description(t *testing.T) {
	h := s.open(t)
	var both [2]*pluginv1.DescribeResponse
	for i := range both {
		d, err := h.Client.Describe(t.Context(), &pluginv1.DescribeRequest{})
		if err != nil {
			t.Fatal(err)
		}
		both[i] = d
	}
	if !proto.Equal(both[0], both[1]) {
		t.Error("it is not the same twice")
	}
	for _, problem := range CheckDescription(both[0]) {
		t.Error(problem)
	}
}

// badSettings: every setting with a value of the wrong type, every required one left out, an unknown one, and those that
// the test names are refused, with the path.
func (s *suite) badSettings(t *testing.T) {
	h := s.open(t)
	bad := map[string][]string{}
	for path, settings := range s.BadSettings {
		bad[path] = append(bad[path], settings)
	}
	for path, variants := range mutations(t, h.Description().GetSettings(), s.Settings) {
		bad[path] = append(bad[path], variants...)
	}
	for path, variants := range bad {
		for _, settings := range variants {
			h, opened := s.watched(t)
			ds := h.Configure(settings, false)
			s.noSecrets(t, h, settings, "the diagnostics", fmt.Sprint(ds))
			s.noSecrets(t, h, settings, "the log", h.Log())
			if !names(ds, path) {
				t.Errorf("settings with a mistake at %s are not refused there: %v", path, ds)
			}
			if _, own := s.BadSettings[path]; opened() && !own {
				t.Errorf("New was called in spite of a mistake at %s", path)
			}
		}
	}
	for path := range s.BadSettings {
		if path != "" && !exists(h.Description().GetSettings(), path) {
			t.Errorf("the schema has no %s", path)
		}
	}
}

func names(ds []*pluginv1.Diagnostic, path string) bool {
	for _, d := range ds {
		if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR && d.GetPath() == path {
			return true
		}
	}
	return false
}

func (s *suite) validateOnly(t *testing.T) {
	h, opened := s.watched(t)
	for _, d := range h.Configure(s.Settings, true) {
		if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR {
			t.Errorf("good settings are refused: %v", d)
		}
	}
	if opened() {
		t.Error("New was called: a check of the settings must open nothing")
	}
	if files, err := os.ReadDir(h.DataDir); err != nil || len(files) > 0 {
		t.Errorf("the data folder has %d files, %v", len(files), err)
	}
}

// delivers the same delivery twice, as happens after a crash of the router.
func (s *suite) delivers(t *testing.T) {
	h := s.start(t, s.Settings)
	d := h.NewDelivery(s.Event(), s.Arguments)
	for _, which := range []string{"the first time", "again"} {
		if r := h.Send(d)[0]; r.GetOutcome() != pluginv1.Outcome_OUTCOME_DONE {
			t.Errorf("%s: %v", which, r)
		} else {
			s.noSecrets(t, h, s.Settings, "the result", r.String())
		}
	}
}

func (s *suite) batchCall(t *testing.T) {
	h := s.start(t, s.Settings)
	for _, r := range h.DeliverBatch(s.Event(), s.Arguments, s.Arguments) {
		if r.GetOutcome() != pluginv1.Outcome_OUTCOME_DONE {
			t.Errorf("got %v", r)
		}
	}
}

func (s *suite) badArguments(t *testing.T) {
	h := s.start(t, s.Settings)
	for path, variants := range mutations(t, h.Description().GetArguments(), s.Arguments) {
		for _, arguments := range variants {
			r := h.Deliver(s.Event(), arguments)[0]
			if r.GetOutcome() != pluginv1.Outcome_OUTCOME_REJECT || !strings.Contains(r.GetMessage(), path) {
				t.Errorf("arguments with a mistake at %s: got %v, want a rejection that names it", path, r)
			}
		}
	}
}

func (s *suite) bigEvent(t *testing.T) {
	h := s.start(t, s.Settings)
	env := s.Event()
	env.Body = bytes.Repeat([]byte("x"), 1<<20)
	r := h.Deliver(env, s.Arguments)[0]
	if r.GetOutcome() != pluginv1.Outcome_OUTCOME_DONE && (!s.BigRejected || r.GetOutcome() != pluginv1.Outcome_OUTCOME_REJECT) {
		t.Errorf("got %v", r)
	}
}

// cancelled: a delivery whose deadline has passed is answered soon, and is not rejected.
func (s *suite) cancelled(t *testing.T) {
	for _, settings := range []string{s.Settings, s.Failing} {
		h := s.start(t, settings)
		d := h.NewDelivery(s.Event(), s.Arguments)
		d.Timeout = durationpb.New(-time.Second)
		began := time.Now()
		r := h.Send(d)[0]
		if took := time.Since(began); took > cancelled {
			t.Errorf("it took %s", took)
		}
		if r.GetOutcome() == pluginv1.Outcome_OUTCOME_REJECT {
			t.Errorf("got %v", r)
		}
	}
}

// drain: the plugin answers all deliveries that it has accepted, and accepts no more.
func (s *suite) drain(t *testing.T) {
	h := s.start(t, s.Settings)
	var ds []*pluginv1.Delivery
	for range 20 {
		ds = append(ds, h.NewDelivery(s.Event(), s.Arguments))
	}
	chans := h.register(ds)
	if err := h.stream.Send(&pluginv1.DeliverRequest{Deliveries: ds}); err != nil {
		t.Fatal(err)
	}
	for i, ch := range chans {
		r, err := h.await(ch)
		if err != nil {
			t.Fatalf("delivery %s: %v", ds[i].GetId(), err)
		}
		if r.GetOutcome() == pluginv1.Outcome_OUTCOME_REJECT || r.GetOutcome() == pluginv1.Outcome_OUTCOME_UNSPECIFIED {
			t.Errorf("got %v", r)
		}
		if i == 0 { // the plugin has taken the message, and so all of them
			var draining sync.WaitGroup
			draining.Go(func() {
				if err := h.drain(10 * time.Second); err != nil {
					t.Errorf("drain: %v", err)
				}
			})
			defer draining.Wait()
		}
	}
	h.Drain(10 * time.Second)
	if r := h.Deliver(s.Event(), s.Arguments)[0]; r.GetOutcome() != pluginv1.Outcome_OUTCOME_RETRY {
		t.Errorf("a delivery after the drain: %v", r)
	}
}

// failing: no error of the plugin contains a secret.
func (s *suite) failing(t *testing.T) {
	h := s.start(t, s.Failing)
	r := h.Deliver(s.Event(), s.Arguments)[0]
	s.noSecrets(t, h, s.Failing, "the result", r.String())
	if r.GetOutcome() == pluginv1.Outcome_OUTCOME_DONE && s.Failing != s.Settings {
		t.Errorf("it did not fail: %v", r)
	}
}
