package pluginhost

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestMetrics keeps the names that dashboards and alerts use, and the series that exist before anything happened.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	m.Init("mail")
	m.setInfo("mail", "1.0", "aaaa")
	m.setInfo("mail", "1.1", "bbbb")
	want := `
# HELP pointsman_plugin_info 1 for the program that is running, or that ran last.
# TYPE pointsman_plugin_info gauge
pointsman_plugin_info{plugin="mail",sha256="bbbb",version="1.1"} 1
# HELP pointsman_plugin_restarts_total Plugin processes that ended although the router did not stop them, and restarts that failed (reason=start).
# TYPE pointsman_plugin_restarts_total counter
pointsman_plugin_restarts_total{plugin="mail",reason="contract"} 0
pointsman_plugin_restarts_total{plugin="mail",reason="exit"} 0
pointsman_plugin_restarts_total{plugin="mail",reason="health"} 0
pointsman_plugin_restarts_total{plugin="mail",reason="requested"} 0
pointsman_plugin_restarts_total{plugin="mail",reason="start"} 0
pointsman_plugin_restarts_total{plugin="mail",reason="stream"} 0
# HELP pointsman_plugin_up Processes of the plugin that are ready to take deliveries: 1, or 2 while a changed plugin replaces the old one.
# TYPE pointsman_plugin_up gauge
pointsman_plugin_up{plugin="mail"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
