package app

import (
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/rule"
)

// ruleMetrics counts matches and errors of rules over all generations. A rule that a new generation does not have loses its
// series.
type ruleMetrics struct {
	desc     *prometheus.Desc
	duration prometheus.Histogram

	mu sync.Mutex
	// live are the counts of the previous generation, to which its last requests may still add, and of the current one.
	live []*ruleCounts
	// ended are the sums of the generations before those, by rule.
	ended map[string]ruleTotals
}

// ruleCounts are the counts of one generation.
type ruleCounts struct {
	seen  map[string]*atomic.Uint64 // events by source
	rules map[string]*ruleCount
}

type ruleCount struct {
	sources      []string
	isShadow     bool
	match, error atomic.Uint64
	// shadow counts the matches of a shadow rule.
	shadow atomic.Uint64
	// warned is set when a failure of a shadow rule has been logged.
	warned atomic.Bool
	// noMatch is the highest value exported so far: a counter must not decrease, also when it is read while an event is counted.
	noMatch atomic.Uint64
}

// ruleTotals are the values of one rule's series.
type ruleTotals struct{ match, shadow, error, noMatch uint64 }

func (t ruleTotals) plus(o ruleTotals) ruleTotals {
	return ruleTotals{t.match + o.match, t.shadow + o.shadow, t.error + o.error, t.noMatch + o.noMatch}
}

// newRuleMetrics registers the metrics of rules.
func newRuleMetrics(reg prometheus.Registerer) *ruleMetrics {
	m := &ruleMetrics{
		ended: map[string]ruleTotals{},
		desc:  prometheus.NewDesc("pointsman_rule_evaluations_total", "Evaluations of a rule, by result. shadow: a shadow rule matched; no_match: also what sample left out, and what a fallback rule left to others.", []string{"rule", "result"}, nil),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pointsman_rule_eval_duration_seconds", Help: "Time to match one event against all rules and to evaluate the arguments of its deliveries.",
			Buckets: []float64{1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1},
		}),
	}
	reg.MustRegister(m, m.duration)
	return m
}

// begin returns the counts of the next generation, which has these rules.
func (m *ruleMetrics) begin(rules []*config.Rule) *ruleCounts {
	c := &ruleCounts{seen: map[string]*atomic.Uint64{}, rules: map[string]*ruleCount{}}
	for _, r := range rules {
		count := &ruleCount{isShadow: r.Shadow}
		c.rules[r.Name] = count
		for _, s := range r.On {
			if r.Enabled { // no event is evaluated for a rule that is not used
				count.sources = append(count.sources, s.Name)
				c.seen[s.Name] = new(atomic.Uint64)
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.live) > 1 {
		for name := range m.live[0].rules {
			m.ended[name] = m.ended[name].plus(m.live[0].totals(name))
		}
		m.live = m.live[1:]
	}
	m.live = append(m.live, c)
	maps.DeleteFunc(m.ended, func(name string, _ ruleTotals) bool { return c.rules[name] == nil })
	return c
}

// count records one new event of source and the deliveries that the rules made of it, which are grouped by rule.
func (c *ruleCounts) count(source string, quarantined bool, deliveries []rule.Delivery) {
	seen := c.seen[source]
	if seen == nil || quarantined {
		return
	}
	seen.Add(1)
	last := ""
	for i := range deliveries {
		d := &deliveries[i]
		if d.Rule == last {
			continue
		}
		last = d.Rule
		switch r := c.rules[d.Rule]; {
		case d.Err != nil:
			r.error.Add(1)
		case d.Shadow:
			r.shadow.Add(1)
		default:
			r.match.Add(1)
		}
	}
}

// firstShadowError is true once for each rule.
func (c *ruleCounts) firstShadowError(name string) bool {
	r := c.rules[name]
	return r != nil && !r.warned.Swap(true)
}

// totals derives no_match instead of counting it (events seen, less all other results), so that an event costs nothing for the
// rules it does not concern.
func (c *ruleCounts) totals(name string) ruleTotals {
	r := c.rules[name]
	if r == nil {
		return ruleTotals{}
	}
	match, shadow, errs := r.match.Load(), r.shadow.Load(), r.error.Load()
	other := match + shadow + errs
	var seen uint64
	for _, s := range r.sources {
		seen += c.seen[s].Load()
	}
	r.noMatch.Store(max(r.noMatch.Load(), max(seen, other)-other))
	return ruleTotals{match, shadow, errs, r.noMatch.Load()}
}

// Describe implements prometheus.Collector.
func (m *ruleMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *ruleMetrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.live) == 0 {
		return
	}
	for name, r := range m.live[len(m.live)-1].rules {
		t := m.ended[name]
		for _, c := range m.live {
			t = t.plus(c.totals(name))
		}
		results := map[string]uint64{"match": t.match, "error": t.error, "no_match": t.noMatch}
		if r.isShadow || t.shadow > 0 {
			results["shadow"] = t.shadow
		}
		for result, n := range results {
			ch <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(n), name, result)
		}
	}
}

// registerDiskFree registers the free space of the volume that the journal is on.
func registerDiskFree(reg prometheus.Registerer, path string) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pointsman_disk_free_bytes", Help: "Free space on the journal's volume; -1 if it cannot be read.",
	}, func() float64 { return diskFree(path) }))
}

// diskFree returns the free bytes of the volume that a file is on, -1 if it cannot be read.
func diskFree(path string) float64 {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &st); err != nil {
		return -1
	}
	return float64(st.Bavail) * float64(st.Bsize)
}
