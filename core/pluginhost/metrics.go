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
			Help: "1 while the plugin has a process that is ready to take deliveries.",
		}, []string{"plugin"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_plugin_restarts_total",
			Help: "Ends of plugin processes that were not asked to stop, and restarts that failed (reason=start).",
		}, []string{"plugin", "reason"}),
		info: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pointsman_plugin_info",
			Help: "1 for the program that runs or ran last.",
		}, []string{"plugin", "version", "sha256"}),
	}
	reg.MustRegister(m.up, m.restarts, m.info)
	return m
}

// Init makes the series of these plugins appear before anything happened.
func (m *Metrics) Init(plugins ...string) {
	for _, p := range plugins {
		m.up.WithLabelValues(p).Set(0)
		for _, r := range []string{reasonExit, reasonStream, reasonHealth, reasonRequested, reasonStart} {
			m.restarts.WithLabelValues(p, r)
		}
	}
}

func (m *Metrics) setUp(plugin string, up bool) {
	v := 0.0
	if up {
		v = 1
	}
	m.up.WithLabelValues(plugin).Set(v)
}

func (m *Metrics) setInfo(plugin, version, sha256 string) {
	m.info.DeletePartialMatch(prometheus.Labels{"plugin": plugin})
	m.info.WithLabelValues(plugin, version, sha256).Set(1)
}
