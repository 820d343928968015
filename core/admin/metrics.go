package admin

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics describe the router as a whole; what a part counts stands in that part's own package.
type Metrics struct {
	// Durability is 1 for each level that a source has, by label level.
	Durability *prometheus.GaugeVec
	// InsecureOptions counts the options in force that weaken security.
	InsecureOptions prometheus.Gauge
	// Generation is the number of the configuration in force.
	Generation prometheus.Gauge
	// ReloadSuccessful and ReloadTimestamp speak of the newest attempt to load a configuration.
	ReloadSuccessful, ReloadTimestamp prometheus.Gauge
}

// NewMetrics registers the router's own metrics and those of the Go runtime and the process.
func NewMetrics(reg prometheus.Registerer, version string) *Metrics {
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := promauto.With(reg)
	f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "pointsman_build_info", Help: "1, with the version of the router and of Go as labels.",
	}, []string{"version", "go"}).WithLabelValues(version, runtime.Version()).Set(1)
	return &Metrics{
		Durability: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pointsman_durability_info", Help: "1 for each durability level in force: disk survives power loss, memory may lose the last moments in a crash.",
		}, []string{"level"}),
		InsecureOptions: f.NewGauge(prometheus.GaugeOpts{
			Name: "pointsman_insecure_options", Help: "Number of the router's own options in force that weaken security; each is warned of at start.",
		}),
		Generation: f.NewGauge(prometheus.GaugeOpts{
			Name: "pointsman_config_generation", Help: "Number of the configuration in force. It counts on over restarts.",
		}),
		ReloadSuccessful: f.NewGauge(prometheus.GaugeOpts{
			Name: "pointsman_config_last_reload_successful", Help: "Whether the newest attempt to load a configuration succeeded.",
		}),
		ReloadTimestamp: f.NewGauge(prometheus.GaugeOpts{
			Name: "pointsman_config_last_reload_success_timestamp_seconds", Help: "When a configuration was last loaded with success.",
		}),
	}
}
