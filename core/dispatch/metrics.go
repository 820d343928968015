package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/journal"
)

// Results of an attempt: the label `result`, and the log attribute of the same name.
const (
	resultDone     = "done"
	resultRetry    = "retry"      // the plugin requested another attempt
	resultRejected = "rejected"   // the plugin refused it for good
	resultTimeout  = "timeout"    // no answer in time
	resultLost     = "lost"       // the plugin or its stream went away
	resultBad      = "bad_result" // the result violates the protocol, or its effects cannot be applied
)

var results = []string{resultDone, resultRetry, resultRejected, resultTimeout, resultLost, resultBad}

// Metrics has the metrics of all dispatchers of a router, by plugin. Make one per registry.
type Metrics struct {
	attempts  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	exhausted *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	ignored   *prometheus.CounterVec
}

// NewMetrics registers the metrics of dispatch; it panics when reg has them already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_delivery_attempts_total",
			Help: "Delivery attempts by result.",
		}, []string{"plugin", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pointsman_delivery_duration_seconds",
			Help:    "Time from sending a delivery to the plugin until its result.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 13),
		}, []string{"plugin"}),
		exhausted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_delivery_retries_exhausted_total",
			Help: "Deliveries that became dead letters because max_attempts or max_age was reached.",
		}, []string{"plugin"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pointsman_delivery_latency_seconds",
			Help:    "Time from accepting an event until a delivery of it succeeded, including waiting and retries.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 16),
		}, []string{"plugin"}),
		ignored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_delivery_results_ignored_total",
			Help: "Results for deliveries that were not in flight: too late, twice, or never sent.",
		}, []string{"plugin"}),
	}
	reg.MustRegister(m.attempts, m.duration, m.exhausted, m.latency, m.ignored)
	return m
}

// Init creates the series at zero so that rate() is correct from the first event.
func (m *Metrics) Init(plugins ...string) {
	for _, p := range plugins {
		m.of(p)
	}
}

// Forget removes the series of a plugin that is not configured any more.
func (m *Metrics) Forget(plugin string) {
	label := prometheus.Labels{"plugin": plugin}
	m.attempts.DeletePartialMatch(label)
	m.duration.DeletePartialMatch(label)
	m.exhausted.DeletePartialMatch(label)
	m.latency.DeletePartialMatch(label)
	m.ignored.DeletePartialMatch(label)
}

// pluginMetrics are the metrics of one plugin. Their labels are resolved once, not for every attempt.
type pluginMetrics struct {
	attempts           map[string]prometheus.Counter
	duration, latency  prometheus.Observer
	exhausted, ignored prometheus.Counter
}

// of resolves the label of a plugin and creates its series.
func (m *Metrics) of(plugin string) *pluginMetrics {
	p := &pluginMetrics{
		attempts:  make(map[string]prometheus.Counter, len(results)),
		duration:  m.duration.WithLabelValues(plugin),
		latency:   m.latency.WithLabelValues(plugin),
		exhausted: m.exhausted.WithLabelValues(plugin),
		ignored:   m.ignored.WithLabelValues(plugin),
	}
	for _, r := range results {
		p.attempts[r] = m.attempts.WithLabelValues(plugin, r)
	}
	return p
}

// count records one attempt that ended at now.
func (p *pluginMetrics) count(a *attempt, now time.Time) {
	p.attempts[a.result].Inc()
	if a.result != resultLost && a.result != resultTimeout {
		p.duration.Observe(now.Sub(a.sent).Seconds())
	}
	switch {
	case a.settlement.Outcome == journal.Done:
		p.latency.Observe(now.Sub(a.delivery.Received).Seconds())
	case a.settlement.Reason == journal.ReasonExhausted, a.settlement.Reason == journal.ReasonExpired:
		p.exhausted.Inc()
	}
}
