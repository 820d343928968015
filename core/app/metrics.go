package app

import (
	"path/filepath"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/pointsman/pointsman/core/journal"
)

// ruleMetrics counts what every rule said of the events of its sources. "no_match" is not counted but derived when it is
// asked for (events seen, less match, less error), so that an event costs nothing for the rules it does not concern.
type ruleMetrics struct {
	seen     map[string]*atomic.Uint64 // by source
	rules    map[string]*ruleCount
	desc     *prometheus.Desc
	duration prometheus.Histogram
}

type ruleCount struct {
	sources      []string
	match, error atomic.Uint64
	// noMatch is the highest value shown: a counter never goes down, also when it is read while an event is counted.
	noMatch atomic.Uint64
}

// newRuleMetrics registers what is counted of rules, given as rule name -> names of its sources.
func newRuleMetrics(reg prometheus.Registerer, rules map[string][]string) *ruleMetrics {
	m := &ruleMetrics{
		seen: map[string]*atomic.Uint64{}, rules: map[string]*ruleCount{},
		desc: prometheus.NewDesc("pointsman_rule_evaluations_total", "Events that a rule was asked about, by what it said.", []string{"rule", "result"}, nil),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pointsman_rule_eval_duration_seconds", Help: "Time to ask all rules about one event and to evaluate the arguments of its deliveries.",
			Buckets: []float64{1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1},
		}),
	}
	for name, sources := range rules {
		m.rules[name] = &ruleCount{sources: sources}
		for _, s := range sources {
			m.seen[s] = new(atomic.Uint64)
		}
	}
	reg.MustRegister(m, m.duration)
	return m
}

// count records one new event of source and the deliveries that the rules made of it, which stand rule by rule.
func (m *ruleMetrics) count(source string, quarantined bool, deliveries []journal.NewDelivery) {
	seen := m.seen[source]
	if seen == nil || quarantined {
		return
	}
	seen.Add(1)
	last := ""
	for _, d := range deliveries {
		if d.Rule == last {
			continue
		}
		last = d.Rule
		if d.Dead != "" {
			m.rules[d.Rule].error.Add(1)
		} else {
			m.rules[d.Rule].match.Add(1)
		}
	}
}

// Describe implements prometheus.Collector.
func (m *ruleMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *ruleMetrics) Collect(ch chan<- prometheus.Metric) {
	for name, c := range m.rules {
		match, errs := c.match.Load(), c.error.Load()
		var seen uint64
		for _, s := range c.sources {
			seen += m.seen[s].Load()
		}
		c.noMatch.Store(max(c.noMatch.Load(), max(seen, match+errs)-match-errs))
		for result, n := range map[string]uint64{"match": match, "error": errs, "no_match": c.noMatch.Load()} {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(n), name, result)
		}
	}
}

// registerDiskFree registers the free space of the volume that the journal is on.
func registerDiskFree(reg prometheus.Registerer, path string) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pointsman_disk_free_bytes", Help: "Space on the journal's volume that the router may still use; -1 when it can't be found out.",
	}, func() float64 {
		var st unix.Statfs_t
		if err := unix.Statfs(filepath.Dir(path), &st); err != nil {
			return -1
		}
		return float64(st.Bavail) * float64(st.Bsize)
	}))
}
