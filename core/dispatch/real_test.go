package dispatch_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// target adapts a Plugin.
type target struct{ *pluginhost.Plugin }

func (t target) Session(ctx context.Context) (dispatch.Session, error) {
	s, err := t.Plugin.Session(ctx)
	if err != nil {
		return nil, err // not a nil *Session in an interface
	}
	return s, nil
}

var _ dispatch.Target = target{}

// real is a dispatcher between a journal in a file and a plugin process.
type real struct {
	t       testing.TB
	path    string // of the plugin's program
	journal *sqlite.Journal
	plugin  *pluginhost.Plugin
	stop    func()
}

// newReal makes a journal for the plugin at path.
func newReal(t testing.TB, path string) *real {
	t.Helper()
	j, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return &real{t: t, path: path, journal: j}
}

// program is this test's own binary under the name of a plugin.
func program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), handshake.FilePrefix+"test")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs plugin and dispatcher until stop is called.
func (r *real) start() {
	log := slog.New(slog.DiscardHandler)
	r.plugin = pluginhost.New(pluginhost.Spec{Name: "p", Path: r.path, Settings: []byte("{}"), DataDir: r.t.TempDir()}, pluginhost.Options{Log: log})
	d := dispatch.New(dispatch.Options{
		Plugin: "p", Journal: r.journal, Target: target{r.plugin}, Log: log,
		Metrics: dispatch.NewMetrics(prometheus.NewRegistry()),
	})
	pluginCtx, stopPlugin := context.WithCancel(context.Background())
	dispatchCtx, stopDispatch := context.WithCancel(context.Background())
	pluginEnded, dispatchEnded := make(chan error, 1), make(chan error, 1)
	go func() { pluginEnded <- r.plugin.Run(pluginCtx) }()
	go func() { dispatchEnded <- d.Run(dispatchCtx) }()
	r.stop = func() {
		r.t.Helper()
		stopDispatch()
		if err := <-dispatchEnded; err != nil {
			r.t.Errorf("dispatcher: %v", err)
		}
		stopPlugin()
		if err := <-pluginEnded; err != nil {
			r.t.Errorf("plugin: %v", err)
		}
	}
}

// add appends n events with one delivery each.
func (r *real) add(n int, edit func(i int, d *journal.NewDelivery)) {
	r.t.Helper()
	entries := make([]journal.Entry, n)
	for i := range entries {
		id := fmt.Sprint("event-", i)
		envelope, err := proto.Marshal(&pointsmanv1.Envelope{Id: id, Source: "lab", Body: make([]byte, 800)})
		if err != nil {
			r.t.Fatal(err)
		}
		d := journal.NewDelivery{Rule: "r", Plugin: "p", Arguments: []byte("{}")}
		if edit != nil {
			edit(i, &d)
		}
		entries[i] = journal.Entry{Source: "lab", ID: id, Received: time.Now(), Envelope: envelope, Deliveries: []journal.NewDelivery{d}}
	}
	for len(entries) > 0 {
		n := min(len(entries), 512)
		if _, err := r.journal.Append(context.Background(), journal.Disk, entries[:n]); err != nil {
			r.t.Fatal(err)
		}
		entries = entries[n:]
	}
}

// settled waits until nothing is pending.
func (r *real) settled(within time.Duration) {
	r.t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		stats, err := r.journal.Stats(context.Background())
		if err != nil {
			r.t.Fatal(err)
		}
		if stats.Plugins["p"].Pending == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%d deliveries are still pending; plugin: %+v", stats.Plugins["p"].Pending, r.plugin.Status())
		}
	}
}

func (r *real) deliveries(s journal.State) []journal.DeliveryRecord {
	r.t.Helper()
	var all []journal.DeliveryRecord
	for page := (journal.Page{Limit: 1000}); ; {
		found, err := r.journal.Deliveries(context.Background(), journal.DeliveryQuery{State: s, Page: page})
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, found.Deliveries...)
		if page.Before = found.Next; page.Before == 0 {
			return all
		}
	}
}

func TestRealPlugin(t *testing.T) {
	r := newReal(t, program(t))
	r.add(900, func(i int, d *journal.NewDelivery) {
		d.Policy = journal.Policy{MinBackoff: 10 * time.Millisecond}
		if i%3 == 0 {
			d.OrderKey = fmt.Sprint("key-", i%7)
		}
		switch {
		case i == 444:
			d.Arguments = []byte(`{"do":"crash"}`)
		case i%50 == 0:
			d.Arguments = []byte(`{"do":"late"}`)
		}
	})
	r.start()
	r.settled(time.Minute)
	r.stop()
	if n := len(r.deliveries(journal.StateDone)); n != 899 {
		t.Errorf("%d done, want 899", n)
	}
	dead := r.deliveries(journal.StateDead)
	if len(dead) != 1 {
		t.Fatalf("%d dead letters, want 1", len(dead))
	}
	if d := dead[0]; d.EventID != "event-444" || d.Reason != journal.ReasonPoison || !strings.Contains(d.Error, "panic: poison in event-444") {
		t.Errorf("dead letter: %+v", d)
	}
}

func TestRealPluginKilled(t *testing.T) {
	r := newReal(t, program(t))
	r.start()
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		if err := r.plugin.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		pid := r.plugin.Status().Pid
		r.add(500, nil)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.settled(time.Minute)
	}
	r.stop()
	stats, err := r.journal.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := stats.Plugins["p"].Dead; n != 0 {
		t.Errorf("%d dead letters: %+v", n, r.deliveries(journal.StateDead)[0])
	}
}

func TestRealPluginHangs(t *testing.T) {
	r := newReal(t, program(t))
	r.add(3, func(_ int, d *journal.NewDelivery) {
		d.Arguments = []byte(`{"do":"hang"}`)
		d.Policy = journal.Policy{Timeout: 200 * time.Millisecond, MaxAttempts: 1}
	})
	r.start()
	r.settled(time.Minute)
	dead := r.deliveries(journal.StateDead)
	if len(dead) != 3 {
		t.Errorf("%d dead letters, want 3", len(dead))
	}
	for _, d := range dead {
		if d.Reason != journal.ReasonExhausted || d.Error != "no answer within 200ms" {
			t.Errorf("%+v", d)
		}
	}
	first := r.plugin.Status().Pid
	r.add(100, nil) // by a new process
	r.settled(time.Minute)
	if n := len(r.deliveries(journal.StateDone)); n != 100 {
		t.Errorf("%d done, want 100", n)
	}
	if r.plugin.Status().Pid == first && first != 0 {
		t.Error("the process that hung was not replaced")
	}
	r.stop()
}

// A stop while deliveries are under way loses none: the next dispatcher does the rest.
func TestRealStops(t *testing.T) {
	r := newReal(t, program(t))
	r.add(1000, nil)
	for range 3 {
		r.start()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		if err := r.plugin.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		r.stop()
	}
	r.start()
	r.settled(time.Minute)
	r.stop()
	for _, d := range r.deliveries(journal.StateDone) {
		if d.Attempts != 1 {
			t.Errorf("%s took %d attempts", d.ID, d.Attempts)
		}
	}
}
