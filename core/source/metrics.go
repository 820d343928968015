package source

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// otherType is the type_class of events whose type is not in KnownTypes. It bounds the number of label values.
const otherType = "other"

// Metrics counts requests and events of all sources.
type Metrics struct {
	requests     *prometheus.CounterVec
	authFailures *prometheus.CounterVec
	secretUsed   *prometheus.CounterVec
	accepted     *prometheus.CounterVec
	duplicates   *prometheus.CounterVec
	quarantined  *prometheus.CounterVec
	duration     *prometheus.HistogramVec
}

// NewMetrics registers the metrics of all sources. It panics if they are already registered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pointsman", Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	m := &Metrics{
		requests:     counter("source_requests_total", "HTTP requests by source, status code and reason.", "source", "code", "reason"),
		authFailures: counter("source_auth_failures_total", "Requests that failed authentication, by reason.", "source", "reason"),
		secretUsed: counter("source_secret_used_total",
			"Authenticated requests by position of the secret in the source's list. A secret whose counter no longer grows can be removed.", "source", "slot"),
		accepted:    counter("events_accepted_total", "Events stored.", "source", "type_class"),
		duplicates:  counter("events_duplicate_total", "Duplicate events, which are not stored again.", "source"),
		quarantined: counter("events_quarantined_total", "Authentic events that could not be decoded and were stored in quarantine.", "source", "reason"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "pointsman", Name: "accept_duration_seconds",
			Help:    "Time from the last byte of a request until its events are durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"source"}),
	}
	reg.MustRegister(m.duration)
	m.request("", http.StatusNotFound, unknownPath)
	return m
}

// request returns the counter of one kind of response. source is "" when no source is mounted at the path.
func (m *Metrics) request(source string, status int, o outcome) prometheus.Counter {
	return m.requests.WithLabelValues(source, strconv.Itoa(status), o.String())
}

// sourceMetrics are the counters of one source, looked up once.
type sourceMetrics struct {
	requests     [outcomes]prometheus.Counter
	secretUsed   []prometheus.Counter
	accepted     *EventCounter
	duplicates   prometheus.Counter
	quarantined  map[string]prometheus.Counter // by reason
	authFailures map[string]prometheus.Counter // by reason
	duration     prometheus.Observer
}

// of creates every series that the webhook can produce at zero, so that rate() is correct from the first request.
func (m *Metrics) of(o *WebhookOptions) *sourceMetrics {
	s := &sourceMetrics{
		accepted:     m.Events(o.Name, o.KnownTypes),
		duplicates:   m.duplicates.WithLabelValues(o.Name),
		duration:     m.duration.WithLabelValues(o.Name),
		quarantined:  map[string]prometheus.Counter{},
		authFailures: map[string]prometheus.Counter{},
	}
	for out := range outcomes {
		if out != unknownPath {
			s.requests[out] = m.request(o.Name, o.status(out), out)
		}
	}
	for slot := range o.Secrets {
		s.secretUsed = append(s.secretUsed, m.secretUsed.WithLabelValues(o.Name, strconv.Itoa(slot)))
	}
	for _, r := range slices.Concat(o.QuarantineReasons, []string{otherReason}) {
		s.quarantined[r] = m.quarantined.WithLabelValues(o.Name, r)
	}
	for _, r := range slices.Concat(o.RefusalReasons, []string{otherReason}) {
		s.authFailures[r] = m.authFailures.WithLabelValues(o.Name, r)
	}
	return s
}

// otherReason is the label of reasons that a source did not declare.
const otherReason = "other"

func count(by map[string]prometheus.Counter, reason string) {
	c, ok := by[reason]
	if !ok {
		c = by[otherReason]
	}
	c.Inc()
}

// EventCounter counts the stored events of one source by their types.
type EventCounter struct {
	known map[string]prometheus.Counter
	other prometheus.Counter
}

// Events returns the event counter of a source. Unknown types share one series, so that senders cannot create new series.
func (m *Metrics) Events(source string, known []string) *EventCounter {
	c := &EventCounter{known: map[string]prometheus.Counter{}, other: m.accepted.WithLabelValues(source, otherType)}
	for _, t := range known {
		c.known[t] = m.accepted.WithLabelValues(source, t)
	}
	return c
}

// Count counts one event.
func (c *EventCounter) Count(eventType string) {
	if counter, ok := c.known[eventType]; ok {
		counter.Inc()
		return
	}
	c.other.Inc()
}
