package sqlite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/journal"
)

// Metrics has the metrics of a journal. Gauges are read from the journal at each scrape.
type Metrics struct {
	append, commit prometheus.Histogram
	redelivered    prometheus.Counter
	journal        atomic.Pointer[Journal]
	plugins        atomic.Pointer[[]string] // get a series before their first delivery
}

// NewMetrics registers the metrics of a journal.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	buckets := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	m := &Metrics{
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pointsman_queue_append_duration_seconds", Buckets: buckets,
			Help: "Time until events handed to the journal were durable.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pointsman_queue_fsync_duration_seconds", Buckets: buckets,
			Help: "Time of one commit of the journal, mostly spent in the disk.",
		}),
		redelivered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pointsman_queue_redelivered_total",
			Help: "Deliveries claimed again after a failed attempt.",
		}),
	}
	reg.MustRegister(m.append, m.commit, m.redelivered, gauges{m})
	return m
}

// Init creates the series of these plugins before their first delivery, in place of those of the last call.
func (m *Metrics) Init(plugins ...string) { m.plugins.Store(&plugins) }

func (m *Metrics) attach(j *Journal) { m.journal.Store(j) }
func (m *Metrics) detach(j *Journal) { m.journal.CompareAndSwap(j, nil) }

// gauges reads the journal's Stats at each scrape.
type gauges struct{ m *Metrics }

var (
	bytesDesc     = prometheus.NewDesc("pointsman_queue_bytes", "Live content of the journal.", nil, nil)
	limitDesc     = prometheus.NewDesc("pointsman_queue_limit_bytes", "Content at which the journal refuses events.", nil, nil)
	pendingDesc   = prometheus.NewDesc("pointsman_queue_pending", "Pending deliveries.", []string{"plugin"}, nil)
	oldestDesc    = prometheus.NewDesc("pointsman_queue_oldest_age_seconds", "Age of the oldest pending delivery; 0 if there is none.", []string{"plugin"}, nil)
	deadDesc      = prometheus.NewDesc("pointsman_dlq_events", "Dead letters.", []string{"plugin"}, nil)
	oldestDLQDesc = prometheus.NewDesc("pointsman_dlq_oldest_age_seconds", "Age of the oldest dead letter; 0 if there is none.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{bytesDesc, limitDesc, pendingDesc, oldestDesc, deadDesc, oldestDLQDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	j := g.m.journal.Load()
	if j == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	st, err := j.Stats(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(pendingDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	age := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return max(0, time.Since(t).Seconds())
	}
	gauge(bytesDesc, float64(st.Bytes))
	gauge(limitDesc, float64(st.Limit))
	oldest := 0.0
	if names := g.m.plugins.Load(); names != nil {
		for _, name := range *names {
			if _, known := st.Plugins[name]; !known {
				st.Plugins[name] = journal.PluginStats{}
			}
		}
	}
	for name, p := range st.Plugins {
		gauge(pendingDesc, float64(p.Pending), name)
		gauge(oldestDesc, age(p.OldestPending), name)
		gauge(deadDesc, float64(p.Dead), name)
		oldest = max(oldest, age(p.OldestDead))
	}
	gauge(oldestDLQDesc, oldest)
}
