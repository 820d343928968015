package journaltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/pointsman/pointsman/core/journal"
)

// model: whatever is done in whatever order, the journal behaves as a few maps in memory would.
func model(t *testing.T, open Open) {
	top, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(top, strconv.Itoa(n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		// A bubble for each run: rapid itself needs the real clock. Its failures are panics, of its own goroutine.
		var failure any
		synctest.Test(t, func(t *testing.T) {
			defer func() { failure = recover() }()
			newMachine(t, open, dir).run(rt)
		})
		if failure != nil {
			panic(failure)
		}
	})
}

// machine is the model beside the journal.
type machine struct {
	open func() journal.Store
	o    Options
	j    journal.Store

	start  time.Time
	keys   map[string]time.Time // by source and key, when their window ends
	events []*stored
	all    map[int64]*owed
}

func newMachine(tb testing.TB, open Open, dir string) *machine {
	m := &machine{o: Options{DedupeWindow: time.Hour + time.Second/2}, start: time.Now(), keys: make(map[string]time.Time), all: make(map[int64]*owed)}
	m.open = func() journal.Store { return open(tb, dir, m.o) }
	return m
}

func (m *machine) run(t *rapid.T) {
	m.j = m.open()
	defer func() {
		if err := m.j.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Repeat(map[string]func(*rapid.T){
		"append":  m.append,
		"claim":   m.claim,
		"settle":  m.settle,
		"redrive": m.redrive,
		"drop":    m.drop,
		"list":    m.list,
		"sleep":   func(t *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 3600).Draw(t, "seconds")) * time.Second) },
		"reopen":  m.reopen,
		"":        m.check,
	})
}

// modelWindow ends between two seconds, and time passes in seconds: an engine may round windows up to the second.
const modelWindow = time.Minute + time.Second/2

var modelPlugins = []string{"a", "b"}

// append appends random entries and checks which of them are duplicates.
func (m *machine) append(t *rapid.T) {
	var entries []journal.Entry
	var want []bool
	for range rapid.IntRange(1, 3).Draw(t, "entries") {
		e := randomEntry(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }, fmt.Sprint("e", len(m.events)+1))
		e.Keys = nil
		for _, k := range rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6", "7", "8"}), 0, 2).Draw(t, "keys") {
			e.Keys = append(e.Keys, journal.Key{Value: k, Window: rapid.SampledFrom([]time.Duration{0, modelWindow}).Draw(t, "window")})
		}
		entries = append(entries, e)
		want = append(want, m.isDuplicate(e))
		if !want[len(want)-1] {
			m.store(e)
		}
	}
	got, err := m.j.Append(context.Background(), journal.Disk, entries)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i].Duplicate != want[i] {
			t.Fatalf("entry %d with keys %v: duplicate is %v, want %v", i, entries[i].Keys, got[i].Duplicate, want[i])
		}
	}
}

func (m *machine) isDuplicate(e journal.Entry) bool {
	return slices.ContainsFunc(e.Keys, func(k journal.Key) bool { return m.keys[e.Source+" "+k.Value].After(time.Now()) })
}

// store adds an entry to the model.
func (m *machine) store(e journal.Entry) {
	s := newStored(e, int64(len(m.events)+1), int64(len(m.all)+1))
	m.events = append(m.events, s)
	for _, o := range s.deliveries {
		m.all[o.seq] = o
	}
	for _, k := range e.Keys {
		w := k.Window
		if w == 0 {
			w = m.o.DedupeWindow
		}
		m.keys[e.Source+" "+k.Value] = time.Now().Add(w)
	}
}

// claimable are the deliveries that a claim may return now.
func (m *machine) claimable(plugin string) map[int64]*owed {
	set := make(map[int64]*owed)
	blocked := make(map[string]bool)
	for _, seq := range slices.Sorted(maps.Keys(m.all)) {
		o := m.all[seq]
		if o.plugin != plugin || o.state != journal.StatePending {
			continue
		}
		first := o.key == "" || !blocked[o.key]
		blocked[o.key] = true
		if first && o.claimed == nil && !o.due.After(time.Now()) && !m.out(plugin, o.key) {
			set[seq] = o
		}
	}
	return set
}

// out says whether one of the key is claimed: one that is not first, when an earlier one was redriven.
func (m *machine) out(plugin, key string) bool {
	for _, o := range m.all {
		if key != "" && o.plugin == plugin && o.key == key && o.claimed != nil {
			return true
		}
	}
	return false
}

// claim claims and checks that exactly claimable deliveries are returned, in order.
func (m *machine) claim(t *rapid.T) {
	plugin := rapid.SampledFrom(modelPlugins).Draw(t, "plugin")
	max := rapid.IntRange(1, 5).Draw(t, "max")
	ctx, cancel := context.WithTimeout(context.Background(), time.Microsecond)
	defer cancel()
	ds, err := m.j.Claim(ctx, plugin, max)
	want := m.claimable(plugin)
	if err != nil {
		if !errors.Is(err, context.DeadlineExceeded) || len(want) > 0 {
			t.Fatalf("Claim: %v; claimable: %v", err, slices.Sorted(maps.Keys(want)))
		}
		return
	}
	if len(ds) == 0 || len(ds) > max || !slices.IsSorted(seqs(ds)) {
		t.Fatalf("claim of %d returns %v", max, seqs(ds))
	}
	for _, d := range ds {
		o := want[d.Seq]
		if o == nil {
			t.Fatalf("claim returns %d; claimable: %v", d.Seq, slices.Sorted(maps.Keys(want)))
		}
		delete(want, d.Seq)
		if d.Attempt != o.attempt+1 || d.OrderKey != o.key || d.Plugin != plugin {
			t.Fatalf("claim returns %+v, want attempt %d, key %q", d, o.attempt+1, o.key)
		}
		o.claimed = &d
	}
	for _, o := range want { // what was never tried, in order
		if last := ds[len(ds)-1]; o.total == 0 && last.Attempt == 1 && m.all[last.Seq].total == 0 && o.key == "" && last.OrderKey == "" && o.seq < last.Seq {
			t.Fatalf("claim returns %v before %d", seqs(ds), o.seq)
		}
	}
}

// settle settles some of the claimed deliveries at random.
func (m *machine) settle(t *rapid.T) {
	var results []journal.Settlement
	for _, seq := range slices.Sorted(maps.Keys(m.all)) {
		o := m.all[seq]
		if o.claimed == nil || rapid.Bool().Draw(t, "later") {
			continue
		}
		d := *o.claimed
		o.claimed = nil
		switch rapid.SampledFrom([]journal.Outcome{journal.Done, journal.Done, journal.Retry, journal.Dead, journal.Release}).Draw(t, "outcome") {
		case journal.Done:
			results = append(results, done(d))
			o.state, o.attempt, o.total = journal.StateDone, d.Attempt, o.total+1
		case journal.Retry:
			r := retryIn(d, time.Duration(rapid.IntRange(0, 600).Draw(t, "backoff"))*time.Second)
			results = append(results, r)
			o.attempt, o.total, o.due = d.Attempt, o.total+1, r.At
		case journal.Dead:
			results = append(results, dead(d, journal.ReasonRejected))
			o.state, o.attempt, o.total, o.reason = journal.StateDead, d.Attempt, o.total+1, journal.ReasonRejected
		default:
			results = append(results, release(d))
		}
	}
	if err := m.j.Settle(context.Background(), results); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) redrive(t *rapid.T) {
	m.operate(t, "Redrive", m.j.Redrive, func(o *owed) bool {
		if o.state != journal.StateDead || o.reason == journal.ReasonRuleError {
			return false
		}
		o.state, o.reason, o.attempt, o.due = journal.StatePending, "", 0, time.Time{}
		return true
	})
}

func (m *machine) drop(t *rapid.T) {
	m.operate(t, "Drop", m.j.Drop, func(o *owed) bool {
		if o.state != journal.StateDead {
			return false
		}
		o.state = journal.StateDropped
		return true
	})
}

// operate calls an operator's method with random deliveries. change does the same to the model and reports whether it changed it.
func (m *machine) operate(t *rapid.T, name string, method func(context.Context, []int64) (int, error), change func(*owed) bool) {
	var ask []int64
	want := 0
	for _, seq := range slices.Sorted(maps.Keys(m.all)) {
		if rapid.IntRange(0, 2).Draw(t, "skip") > 0 {
			continue
		}
		ask = append(ask, seq)
		if change(m.all[seq]) {
			want++
		}
	}
	if got, err := method(context.Background(), ask); err != nil || got != want {
		t.Fatalf("%s of %v: %d, %v; want %d", name, ask, got, err, want)
	}
}

// list compares random lists.
func (m *machine) list(t *rapid.T) {
	c := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
	if err := compareEvents(context.Background(), m.j, m.events, randomEventQuery(c, m.start, time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := compareDeliveries(context.Background(), m.j, m.events, randomDeliveryQuery(c, m.start, time.Now())); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) reopen(t *rapid.T) {
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	m.j = m.open()
	for _, o := range m.all {
		o.claimed = nil
	}
}

// check compares everything that can be read.
func (m *machine) check(t *rapid.T) {
	st, err := m.j.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	all, err := allDeliveries(context.Background(), m.j, journal.DeliveryQuery{Page: journal.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if st.Events != int64(len(m.events)) || len(all) != len(m.all) {
		t.Fatalf("%d events and %d deliveries, want %d and %d", st.Events, len(all), len(m.events), len(m.all))
	}
	pending, dead := make(map[string]int64), make(map[string]int64)
	for _, r := range all {
		o := m.all[r.Seq]
		if r.State != o.state || r.Attempts != o.total || r.OrderKey != o.key {
			t.Fatalf("delivery %d is %s after %d attempts, key %q; want %s, %d, %q", r.Seq, r.State, r.Attempts, r.OrderKey, o.state, o.total, o.key)
		}
		switch o.state {
		case journal.StatePending:
			pending[o.plugin]++
		case journal.StateDead:
			dead[o.plugin]++
		}
	}
	for _, p := range modelPlugins {
		if got := st.Plugins[p]; got.Pending != pending[p] || got.Dead != dead[p] {
			t.Fatalf("plugin %s has %d pending, %d dead, want %d, %d", p, got.Pending, got.Dead, pending[p], dead[p])
		}
	}
}
