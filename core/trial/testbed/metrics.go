package testbed

import (
	"context"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are the metrics of a router at one moment.
type Metrics map[string]*dto.MetricFamily

// ReadMetrics reads the metrics of the admin listener at base.
func ReadMetrics(ctx context.Context, base string) (Metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // compression would cost CPU that is being measured
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// Sum adds up all series of a gauge or counter that have these labels, given as name, value, name, value...
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
