package pluginhost

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what happens to plugin processes.
type Metrics struct {
	up       *prometheus.GaugeVec
	restarts *prometheus.CounterVec
	info     *prometheus.GaugeVec
}

// NewMetrics registers pointsman_plugin_up, pointsman_plugin_restarts_total and pointsman_plugin_info.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pointsman_plugin_up",
			Help: "Processes of the plugin that are ready to take deliveries: 1, or 2 while a changed plugin replaces the old one.",
		}, []string{"plugin"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_plugin_restarts_total",
			Help: "Plugin processes that ended although the router did not stop them, and restarts that failed (reason=start).",
		}, []string{"plugin", "reason"}),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pointsman_plugin_info",
			Help: "1 for the program that is running, or that ran last.",
		}, []string{"plugin", "version", "sha256"}),
	}
	reg.MustRegister(m.up, m.restarts, m.info)
	return m
}

// Init creates the series at zero so that rate() is correct from the first crash.
func (m *Metrics) Init(plugins ...string) {
	for _, p := range plugins {
		m.up.WithLabelValues(p)
		for _, r := range []string{reasonExit, reasonStream, reasonHealth, reasonRequested, reasonContract, reasonStart} {
			m.restarts.WithLabelValues(p, r)
		}
	}
}

// Forget removes the series of a plugin that is not configured any more. No process of it may be running.
func (m *Metrics) Forget(plugin string) {
	label := prometheus.Labels{"plugin": plugin}
	m.up.DeletePartialMatch(label)
	m.restarts.DeletePartialMatch(label)
	m.info.DeletePartialMatch(label)
}

func (m *Metrics) setInfo(plugin, version, sha256 string) {
	m.info.DeletePartialMatch(prometheus.Labels{"plugin": plugin})
	m.info.WithLabelValues(plugin, version, sha256).Set(1)
}
