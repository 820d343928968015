package source

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// otherType is the type_class of events whose type their source does not know. It keeps the label's values few.
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

// NewMetrics registers the metrics of all sources. It panics when they are registered already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pointsman", Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	m := &Metrics{
		requests:     counter("source_requests_total", "Requests answered, by status code and reason.", "source", "code", "reason"),
		authFailures: counter("source_auth_failures_total", "Requests refused as unauthentic.", "source", "reason"),
		secretUsed: counter("source_secret_used_total",
			"Requests authenticated, by position of the secret in the source's list. An old secret that is not used any more can go.", "source", "slot"),
		accepted:    counter("events_accepted_total", "Events stored.", "source", "type_class"),
		duplicates:  counter("events_duplicate_total", "Events recognised as known and not stored again.", "source"),
		quarantined: counter("events_quarantined_total", "Authentic events stored although they could not be decoded.", "source", "reason"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "pointsman", Name: "accept_duration_seconds",
			Help:    "Time from the last byte of a request to its events being durable.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"source"}),
	}
	reg.MustRegister(m.duration)
	m.request("", http.StatusNotFound, unknownPath)
	return m
}

// request returns the counter of one answer. The source is "" when the path belongs to none.
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

// of initialises every label set that the webhook can produce, so that each series exists from the start.
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

// otherReason counts reasons that a source did not announce.
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

// Events returns the counter of a source. Types that are not known count as one, so that senders cannot make new series.
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
