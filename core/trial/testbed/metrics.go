package testbed

import (
	"context"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are what a router's admin listener showed at one moment.
type Metrics map[string]*dto.MetricFamily

// ReadMetrics asks the admin listener at base.
func ReadMetrics(ctx context.Context, base string) (Metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // Compression would cost the router what is being measured.
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// Sum adds up a gauge or counter over all its series that have these labels, given as name, value, name, value...; 0 when there is
// none.
func (m Metrics) Sum(metric string, labels ...string) float64 {
	sum := 0.0
	for _, series := range m[metric].GetMetric() {
		has := map[string]string{}
		for _, l := range series.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		if matches(has, labels) {
			sum += series.GetGauge().GetValue() + series.GetCounter().GetValue()
		}
	}
	return sum
}

// matches reports whether a series has all these labels.
func matches(has map[string]string, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		if has[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}
