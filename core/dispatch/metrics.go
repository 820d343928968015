package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/journal"
)

// What one attempt came to, as the label `result` and the log's `outcome` call it.
const (
	resultDone     = "done"
	resultRetry    = "retry"      // the plugin asked for another attempt
	resultRejected = "rejected"   // the plugin said never
	resultTimeout  = "timeout"    // no answer in time
	resultLost     = "lost"       // the plugin or its stream went away
	resultBad      = "bad_result" // the answer makes no sense
)

var results = []string{resultDone, resultRetry, resultRejected, resultTimeout, resultLost, resultBad}

// Metrics counts what all dispatchers of a router do, by plugin. Make one per registry.
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
			Help: "Attempts to deliver, by what they came to.",
		}, []string{"plugin", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pointsman_delivery_duration_seconds",
			Help:    "Time from sending a delivery to the plugin until its result.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 13),
		}, []string{"plugin"}),
		exhausted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_delivery_retries_exhausted_total",
			Help: "Deliveries that became dead letters because their attempts or their time ran out.",
		}, []string{"plugin"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pointsman_delivery_latency_seconds",
			Help:    "Time from accepting an event until a delivery of it was done, waiting and retries included.",
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

// Init makes the series of these plugins exist at zero, so that a rate over them is right from the first event.
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

// pluginMetrics is Metrics with the plugin's label resolved, which the hot path does once.
type pluginMetrics struct {
	attempts           map[string]prometheus.Counter
	duration, latency  prometheus.Observer
	exhausted, ignored prometheus.Counter
}

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

// count notes one attempt that ended after took.
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
