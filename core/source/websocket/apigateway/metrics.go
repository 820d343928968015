package apigateway

import "github.com/prometheus/client_golang/prometheus"

// Results of a message to one connection.
const (
	postDone   = "done"
	postGone   = "gone"
	postSlow   = "slow"
	postFailed = "failed"
)

// Metrics counts the messages to the connections of all sources.
type Metrics struct {
	posts               *prometheus.CounterVec
	broadcasts, dropped *prometheus.CounterVec
	waiting             *prometheus.GaugeVec
}

// NewMetrics registers the metrics of all sources. It panics if they are already registered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pointsman", Name: name, Help: help}, append([]string{"source"}, labels...))
	}
	m := &Metrics{
		posts:      counter("apigateway_posts_total", "Messages to connections of an API Gateway, by result. gone: the connection has ended; slow: its client reads too slowly, or the account exceeds its rate.", "result"),
		broadcasts: counter("apigateway_broadcasts_total", "Messages to rooms of an API Gateway."),
		dropped:    counter("apigateway_dropped_total", "Messages to rooms and connections of an API Gateway that were dropped: the queue was full, or the connections of the room could not be read."),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "pointsman", Name: "apigateway_waiting_bytes", Help: "Bytes of messages queued for an API Gateway.",
		}, []string{"source"}),
	}
	reg.MustRegister(m.posts, m.broadcasts, m.dropped, m.waiting)
	return m
}

// sourceMetrics are the series of one source.
type sourceMetrics struct {
	posts               map[string]prometheus.Counter
	broadcasts, dropped prometheus.Counter
	waiting             prometheus.Gauge
}

func (m *Metrics) of(source string) *sourceMetrics {
	s := &sourceMetrics{
		posts: map[string]prometheus.Counter{}, broadcasts: m.broadcasts.WithLabelValues(source),
		dropped: m.dropped.WithLabelValues(source), waiting: m.waiting.WithLabelValues(source),
	}
	for _, result := range []string{postDone, postGone, postSlow, postFailed} {
		s.posts[result] = m.posts.WithLabelValues(source, result)
	}
	return s
}
