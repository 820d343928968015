package e2ereload

import (
	"errors"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/trial/testbed"
)

// A short run of what make e2e-reload does at length.
func TestRun(t *testing.T) {
	bin := t.TempDir()
	if err := testbed.Build(bin, "core/cmd/pointsman", "plugins/sdk/plugintest/pointsman-plugin-noop"); err != nil {
		t.Fatal(err)
	}
	o := options{reloads: 30, warmup: 6, clients: 4, rate: 100, timeout: time.Minute, seed: 1, bin: bin}
	if err := run(t.Context(), o, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}

// Every change is drawn in a state that the router accepts, and comes back to the first one.
func TestChanges(t *testing.T) {
	for _, c := range changes {
		if c.next(c.next(first)) != first || c.invalid() != (c.next(first) == first && c.name != "nothing") || c.invalid() != (c.want != "") {
			t.Errorf("%s: %+v", c.name, c.next(first))
		}
	}
}

// The ledger sees every fault.
func TestBalance(t *testing.T) {
	second := state{rules: "b", program: 1, block: 1}
	s := &site{generations: map[int64]state{7: first, 8: second}}
	delivery := func(seq int64, id, source, rule, plugin, text string, generation int64) journal.DeliveryRecord {
		return journal.DeliveryRecord{
			Seq: seq, ID: id, Source: source, Rule: rule, Plugin: plugin, State: journal.StateDone,
			Arguments: []byte(`{"text":"` + text + `"}`), Generation: generation,
		}
	}
	ordered := func(seq int64, id, text string) journal.DeliveryRecord {
		d := delivery(seq, id, "lab", "b-lab", "ops", text, 8)
		d.OrderKey = "project"
		return d
	}
	good := func() (map[string]string, []journal.DeliveryRecord, records) {
		return map[string]string{"e1": "lab", "e2": "lab", "e3": "lab", "m1": "chat"}, []journal.DeliveryRecord{
			ordered(6, "j-6", "b e3"), delivery(5, "j-5", "lab", "b-lab", "steady", "b e3", 8),
			ordered(4, "j-4", "b e2"), delivery(3, "j-3", "lab", "b-lab", "steady", "b e2", 8),
			delivery(2, "j-2", "chat", "a-chat", "ops", "a m1", 7), delivery(1, "j-1", "lab", "a-lab", "ops", "a e1", 7),
		}, records{"ops": {"j-1", "j-2", "j-4", "j-6"}, "steady": {"j-5", "j-3"}}
	}
	for name, tt := range map[string]struct {
		spoil func(known map[string]string, all []journal.DeliveryRecord, did records)
		want  ledger
	}{
		"all is well":     {func(map[string]string, []journal.DeliveryRecord, records) {}, ledger{}},
		"not stored":      {func(known map[string]string, _ []journal.DeliveryRecord, _ records) { known["e9"] = "lab" }, ledger{acked: 1, lost: 1}},
		"not in a record": {func(_ map[string]string, _ []journal.DeliveryRecord, did records) { did["ops"] = did["ops"][1:] }, ledger{lost: 1}},
		"pending": {func(_ map[string]string, all []journal.DeliveryRecord, _ records) {
			all[5].State = journal.StatePending
		}, ledger{lost: 1, pending: 1}},
		"dead": {func(_ map[string]string, all []journal.DeliveryRecord, _ records) { all[5].State = journal.StateDead }, ledger{lost: 1, dead: 1}},
		"doubled": {func(_ map[string]string, _ []journal.DeliveryRecord, did records) {
			did["ops"] = append(did["ops"], "j-1")
		}, ledger{doubled: 1}},
		"unknown rule": {
			func(_ map[string]string, all []journal.DeliveryRecord, _ records) { all[5].Rule = "c-lab" },
			ledger{neither: 1, mixed: 1},
		},
		"arguments of another set": {
			func(_ map[string]string, all []journal.DeliveryRecord, _ records) {
				all[5].Arguments = []byte(`{"text":"b e1"}`)
			},
			ledger{neither: 1, stale: 1},
		},
		"another generation": {
			func(_ map[string]string, all []journal.DeliveryRecord, _ records) { all[5].Generation = 8 },
			ledger{stale: 1, mixed: 1},
		},
		"unknown generation": {
			func(_ map[string]string, all []journal.DeliveryRecord, _ records) { all[5].Generation = 9 },
			ledger{stale: 1, mixed: 1},
		},
		"source that the generation did not have": {
			func(known map[string]string, all []journal.DeliveryRecord, _ records) {
				known["e1"], all[5].Source, all[5].Rule = "extra", "extra", "a-extra"
			},
			ledger{stale: 1},
		},
		"half of a generation": {
			func(_ map[string]string, all []journal.DeliveryRecord, _ records) { all[3].Plugin = "ops" },
			ledger{mixed: 1},
		},
		"out of order": {
			func(_ map[string]string, _ []journal.DeliveryRecord, did records) {
				did["ops"] = []string{"j-1", "j-6", "j-2", "j-4"}
			},
			ledger{disordered: 1},
		},
	} {
		known, all, did := good()
		tt.spoil(known, all, did)
		tt.want.acked += 4
		tt.want.deliveries = 6
		if got, err := s.balance(known, all, did); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

// The verdict complains of everything that it can see.
func TestComplaint(t *testing.T) {
	quiet := usage{goroutines: 50, descriptors: 40, children: 2}
	good := func() verdict {
		return verdict{
			results: []result{{change: changes[0]}, {change: changes[len(changes)-1]}}, load: counts{requests: 1, messages: 1},
			books: ledger{acked: 2, deliveries: 2}, before: quiet, after: quiet,
		}
	}
	if err := good().complaint(); err != nil {
		t.Errorf("all is well, and it complains: %v", err)
	}
	for name, spoil := range map[string]func(v *verdict){
		"nothing":     func(v *verdict) { *v = verdict{} },
		"reload":      func(v *verdict) { v.results = append(v.results, result{change: changes[0], err: errors.New("no")}) },
		"failed":      func(v *verdict) { v.load.failed++ },
		"refused":     func(v *verdict) { v.load.refused++ },
		"closed":      func(v *verdict) { v.closed++ },
		"lost":        func(v *verdict) { v.books.lost++ },
		"pending":     func(v *verdict) { v.books.pending++ },
		"dead":        func(v *verdict) { v.books.dead++ },
		"doubled":     func(v *verdict) { v.books.doubled++ },
		"neither":     func(v *verdict) { v.books.neither++ },
		"stale":       func(v *verdict) { v.books.stale++ },
		"mixed":       func(v *verdict) { v.books.mixed++ },
		"disordered":  func(v *verdict) { v.books.disordered++ },
		"replaced":    func(v *verdict) { v.replaced = true },
		"goroutines":  func(v *verdict) { v.after.goroutines += maxGoroutines + 1 },
		"descriptors": func(v *verdict) { v.after.descriptors += maxDescriptors + 1 },
		"children":    func(v *verdict) { v.after.children++ },
	} {
		v := good()
		spoil(&v)
		if v.complaint() == nil {
			t.Errorf("%s: no complaint about %s", name, v)
		}
	}
}
