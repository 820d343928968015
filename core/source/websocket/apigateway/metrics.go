package apigateway

import "github.com/prometheus/client_golang/prometheus"

// What becomes of a message to one connection.
const (
	postDone   = "done"
	postGone   = "gone"
	postSlow   = "slow"
	postFailed = "failed"
)

// Metrics counts what is said through the APIs of all sources.
type Metrics struct {
	posts               *prometheus.CounterVec
	broadcasts, dropped *prometheus.CounterVec
	waiting             *prometheus.GaugeVec
}

// NewMetrics registers the metrics of all sources. It panics when they are registered already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pointsman", Name: name, Help: help}, append([]string{"source"}, labels...))
	}
	m := &Metrics{
		posts:      counter("apigateway_posts_total", "Messages to connections of an API Gateway, by what became of them. gone: the connection had ended; slow: it took no more, or the account calls too often.", "result"),
		broadcasts: counter("apigateway_broadcasts_total", "Messages to rooms of an API Gateway."),
		dropped:    counter("apigateway_dropped_total", "Messages to rooms and connections of an API Gateway that were given up: too many waited, or who is in the room could not be found out."),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "pointsman", Name: "apigateway_waiting_bytes", Help: "Bytes of messages that wait to be posted to an API Gateway.",
		}, []string{"source"}),
	}
	reg.MustRegister(m.posts, m.broadcasts, m.dropped, m.waiting)
	return m
}

// sourceMetrics are those of one source, looked up once.
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
