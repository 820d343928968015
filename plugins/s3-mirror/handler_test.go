package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

func checkOutcome(t testing.TB, got *pluginv1.Result, want pluginv1.Outcome, says string) {
	t.Helper()
	if got.GetOutcome() != want || !strings.Contains(got.GetMessage()+got.GetReceipt(), says) {
		t.Errorf("got %v, want %v with %q", got, want, says)
	}
}

// recorder is an engine that records its calls. Its copies begin at now.
type recorder struct {
	now  func() time.Time
	wait chan struct{} // nil: return at once
	err  error

	mu     sync.Mutex
	calls  []string
	hint   mirror.Hint
	active map[string]int
	most   int // calls of one key at a time
}

func (e *recorder) Wants(key string) bool { return !strings.HasPrefix(key, "unwanted") }

func (e *recorder) Converge(_ context.Context, key string, hint mirror.Hint) (mirror.Result, error) {
	e.mu.Lock()
	e.hint = hint
	e.mu.Unlock()
	asOf := e.now()
	e.call("converge " + key)
	return mirror.Result{Action: mirror.Copied, AsOf: asOf}, e.err
}

func (e *recorder) SyncTags(_ context.Context, key string) (mirror.Result, error) {
	e.call("tags " + key)
	return mirror.Result{Action: mirror.Tagged}, e.err
}

func (e *recorder) call(what string) {
	e.mu.Lock()
	if e.active == nil {
		e.active = map[string]int{}
	}
	e.calls = append(e.calls, what)
	e.active[what]++
	e.most = max(e.most, e.active[what])
	e.mu.Unlock()
	if e.wait != nil {
		<-e.wait
	}
	e.mu.Lock()
	e.active[what]--
	e.mu.Unlock()
}

func (e *recorder) took() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := strings.Join(e.calls, ", ")
	e.calls = nil
	return text
}

// startWith starts the plugin with an engine of the test.
func startWith(t *testing.T, e *recorder, now func() time.Time) *plugintest.Harness {
	t.Helper()
	e.now = now
	p := newPlugin()
	p.New = func(_ context.Context, s settings, _ sdk.Instance) (sdk.Handler[arguments], error) {
		return newHandler(e, s, now), nil
	}
	return plugintest.Start(t, p, `{"source":{"bucket":"main"},"destination":{"bucket":"copy"},"skip_principals":["mirror"]}`)
}

func TestMeaning(t *testing.T) {
	e := &recorder{}
	h := startWith(t, e, time.Now)
	ofOther := event("s3.object.created", "other", "k")
	byMirror := event("s3.object.created", "main", "k")
	byMirror.GetS3().PrincipalId = "mirror"
	quarantined := event("s3.object.unknown", "main", "k")
	quarantined.Data = nil
	bucketEvent := event("s3.bucket.created", "main", "")
	for _, c := range []struct {
		name    string
		event   *pointsmanv1.Envelope
		args    string
		outcome pluginv1.Outcome
		says    string
		calls   string
	}{
		{"created", event("s3.object.created", "main", "k"), `{}`, done, "copied", "converge k"},
		{"removed", event("s3.object.removed", "main", "k1"), `{}`, done, "copied", "converge k1"},
		{"restored", event("s3.object.restored", "main", "k2"), `{}`, done, "copied", "converge k2"},
		{"tagged", event("s3.object.tagged", "main", "k3"), `{}`, done, "tagged", "tags k3"},
		{"acl", event("s3.object.acl", "main", "k"), `{}`, done, "skipped: access control lists are not mirrored", ""},
		{"accessed", event("s3.object.accessed", "main", "k"), `{"key":"k"}`, done, "skipped: s3.object.accessed does not change", ""},
		{"transitioned", event("s3.object.transitioned", "main", "k"), `{}`, done, "skipped", ""},
		{"replicated", event("s3.object.replicated", "main", "k"), `{}`, done, "skipped", ""},
		{"lost", event("s3.object.lost", "main", "k"), `{}`, done, "skipped", ""},
		{"restore started", event("s3.object.restore_started", "main", "k"), `{}`, done, "skipped", ""},
		{"restore expired", event("s3.object.restore_expired", "main", "k"), `{}`, done, "skipped", ""},
		{"retention", event("s3.object.retention", "main", "k"), `{}`, done, "skipped", ""},
		{"unknown", event("s3.object.unknown", "main", "k"), `{}`, done, "skipped", ""},
		{"quarantined", quarantined, `{}`, done, "skipped", ""},
		{"bucket", bucketEvent, `{}`, done, "skipped", ""},
		{"principal", byMirror, `{}`, done, "skip_principals", ""},
		{"other bucket", ofOther, `{}`, reject, `event.data.object.bucket == "main"`, ""},
		{"other bucket by argument", event("s3.object.created", "main", "k"), `{"bucket":"b"}`, reject, `bucket "b"`, ""},
		{"filtered", event("s3.object.created", "main", "unwanted"), `{}`, done, "skipped", ""},
		{"other kind", plugintest.Event(), `{"key":"k4"}`, done, "copied", "converge k4"},
		{"other kind without key", plugintest.Event(), `{"bucket":"main"}`, reject, "does not set the argument key", ""},
	} {
		checkOutcome(t, h.Deliver(c.event, c.args)[0], c.outcome, c.says)
		if got := e.took(); got != c.calls {
			t.Errorf("%s: calls %q, want %q", c.name, got, c.calls)
		}
	}
}

func TestHint(t *testing.T) {
	e := &recorder{}
	now := time.Now()
	h := startWith(t, e, func() time.Time { return now })
	d := h.NewDelivery(event("s3.object.created", "main", "k"), `{}`)
	d.Attempt = 3
	d.Envelope.ReceivedUnixNano = now.Add(-5 * time.Second).UnixNano()
	h.Send(d)
	if want := (mirror.Hint{Created: true, Age: 5 * time.Second, Attempt: 3}); e.hint != want {
		t.Errorf("got %+v, want %+v", e.hint, want)
	}
}

func TestOutcome(t *testing.T) {
	e := &recorder{}
	h := startWith(t, e, time.Now)
	for _, c := range []struct {
		err     error
		outcome pluginv1.Outcome
		after   time.Duration
	}{
		{&mirror.Error{Permanent: true, Err: errors.New("e")}, reject, 0},
		{&mirror.Error{RetryAfter: time.Second, Err: errors.New("e")}, retry, time.Second},
		{&mirror.Error{Err: errors.New("e")}, retry, 0},
		{errors.New("e"), retry, 0},
	} {
		e.err = c.err
		r := h.Deliver(event("s3.object.created", "main", "k"), `{}`)[0]
		if r.GetOutcome() != c.outcome || r.GetRetryAfter().AsDuration() != c.after {
			t.Errorf("%v: got %v", c.err, r)
		}
	}
	if n := len(strings.Split(e.took(), ", ")); n != 4 {
		t.Errorf("%d calls: a failed one must cover nothing", n)
	}
}

// Events of one key wait for each other, and a copy covers the events that were received before it began.
func TestOneAtATime(t *testing.T) {
	e := &recorder{wait: make(chan struct{})}
	h := startWith(t, e, time.Now)
	var ds []*pluginv1.Delivery
	for range 20 {
		d := h.NewDelivery(event("s3.object.created", "main", "k"), `{}`)
		d.Envelope.ReceivedUnixNano -= int64(time.Second)
		ds = append(ds, d)
	}
	wait := h.Post(ds...)
	e.wait <- struct{}{}
	rs, err := wait()
	if err != nil {
		t.Fatal(err)
	}
	copied := 0
	for _, r := range rs {
		if strings.HasPrefix(r.GetReceipt(), "copied") {
			copied++
		}
	}
	if copied != 1 || e.most != 1 {
		t.Errorf("%d copies, %d at a time", copied, e.most)
	}
}
