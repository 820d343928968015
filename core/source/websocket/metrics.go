package websocket

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of a message.
const (
	resultAccepted  = "accepted"
	resultCommand   = "command"
	resultRefused   = "refused"
	resultTooFast   = "rate_limited"
	resultNotStored = "not_stored"
)

// otherCode stands for close codes that are not known here: clients may send thousands.
const otherCode = "other"

// Metrics counts what happens on the connections of all WebSocket sources.
type Metrics struct {
	connections, rooms, queueBytes  *prometheus.GaugeVec
	refusals, disconnects, messages *prometheus.CounterVec
	broadcasts, deliveries          *prometheus.CounterVec
}

// NewMetrics registers the metrics of all WebSocket sources. It panics if they are already registered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := newMetrics()
	reg.MustRegister(m.connections, m.rooms, m.queueBytes, m.refusals, m.disconnects, m.messages, m.broadcasts, m.deliveries)
	return m
}

func newMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "pointsman", Name: name, Help: help}, append([]string{"source"}, labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "pointsman", Name: name, Help: help}, []string{"source"})
	}
	return &Metrics{
		connections: gauge("ws_connections", "WebSocket connections."),
		rooms:       gauge("ws_rooms", "Rooms with at least one connection."),
		queueBytes:  gauge("ws_send_queue_bytes", "Bytes queued for clients, counting every copy of a message."),
		refusals:    counter("ws_refusals_total", "Refused clients, by reason.", "reason"),
		disconnects: counter("ws_disconnects_total", "Connections ended, by close code.", "code"),
		messages:    counter("ws_messages_total", "Messages of clients, by result.", "result"),
		broadcasts:  counter("room_broadcasts_total", "Messages sent to rooms."),
		deliveries:  counter("room_broadcast_deliveries_total", "Messages queued for members of rooms."),
	}
}

// sourceMetrics are those of one source, looked up once.
type sourceMetrics struct {
	connections, rooms, queueBytes prometheus.Gauge
	broadcasts, deliveries         prometheus.Counter
	refusals, messages             map[string]prometheus.Counter
	disconnects                    map[int]prometheus.Counter
	otherDisconnects               prometheus.Counter
}

// of creates every series of a source at zero, so that rate() is correct from the first event.
func (m *Metrics) of(source string) *sourceMetrics {
	s := &sourceMetrics{
		connections: m.connections.WithLabelValues(source), rooms: m.rooms.WithLabelValues(source), queueBytes: m.queueBytes.WithLabelValues(source),
		broadcasts: m.broadcasts.WithLabelValues(source), deliveries: m.deliveries.WithLabelValues(source),
		refusals: map[string]prometheus.Counter{}, messages: map[string]prometheus.Counter{}, disconnects: map[int]prometheus.Counter{},
		otherDisconnects: m.disconnects.WithLabelValues(source, otherCode),
	}
	for _, r := range refusals() {
		s.refusals[r.code] = m.refusals.WithLabelValues(source, r.code)
	}
	for _, result := range []string{resultAccepted, resultCommand, resultRefused, resultTooFast, resultNotStored} {
		s.messages[result] = m.messages.WithLabelValues(source, result)
	}
	for _, code := range []int{
		codeNormal, codeGoingAway, codeProtocol, codeUnsupported, codeNone, codeAbnormal, codeNotUTF8, codePolicy, codeTooLarge, codeInternal,
		codeTryLater, codeExpired, codeSlowReader, codeTooFast,
	} {
		s.disconnects[code] = m.disconnects.WithLabelValues(source, strconv.Itoa(code))
	}
	return s
}

func (s *sourceMetrics) refused(code string)   { s.refusals[code].Inc() }
func (s *sourceMetrics) message(result string) { s.messages[result].Inc() }

func (s *sourceMetrics) disconnect(code int) {
	if c, known := s.disconnects[code]; known {
		c.Inc()
		return
	}
	s.otherDisconnects.Inc()
}
