package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	rateEvery  = 5 * time.Second
	rateWindow = time.Minute
)

// rates computes how fast counters have grown over the last minute, from samples of the metrics themselves.
type rates struct {
	gatherer prometheus.Gatherer

	mu      sync.Mutex
	samples []sample // oldest first
}

// sample holds the counters of one moment.
type sample struct {
	at     time.Time
	counts counts
}

// counts are the values of counters of sources, plugins and rules. Labels that are not in counter are summed up.
type counts map[counter]float64

// counter is a metric for one source, plugin or rule, with the value of its label result or code if it has one.
type counter struct{ metric, name, result string }

// The counters that counts holds.
const (
	metricAccepted    = "pointsman_events_accepted_total"
	metricDuplicates  = "pointsman_events_duplicate_total"
	metricQuarantined = "pointsman_events_quarantined_total"
	metricRequests    = "pointsman_source_requests_total"
	metricAttempts    = "pointsman_delivery_attempts_total"
	metricRestarts    = "pointsman_plugin_restarts_total"
	metricEvaluations = "pointsman_rule_evaluations_total"
)

func newRates(g prometheus.Gatherer) *rates { return &rates{gatherer: g} }

// Run takes samples until ctx ends.
func (r *rates) Run(ctx context.Context) error {
	ticks := time.NewTicker(rateEvery)
	defer ticks.Stop()
	for {
		now := sample{time.Now(), r.counts()}
		r.mu.Lock()
		r.samples = append(r.samples, now)
		for len(r.samples) > 1 && now.at.Sub(r.samples[0].at) > rateWindow {
			r.samples = r.samples[1:]
		}
		r.mu.Unlock()
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// counts reads the counters now. Metrics that cannot be read are missing.
func (r *rates) counts() counts {
	families, _ := r.gatherer.Gather()
	c := counts{}
	for _, f := range families {
		switch f.GetName() {
		case metricAccepted, metricDuplicates, metricQuarantined, metricRequests, metricAttempts, metricRestarts, metricEvaluations:
		default:
			continue
		}
		for _, m := range f.GetMetric() {
			of := counter{metric: f.GetName()}
			for _, l := range m.GetLabel() {
				switch l.GetName() {
				case "source", "plugin", "rule":
					of.name = l.GetValue()
				case "result", "code":
					of.result = l.GetValue()
				}
			}
			c[of] += m.GetCounter().GetValue()
		}
	}
	return c
}

// perSecond returns how fast a counter has grown since the oldest sample, which is at most a minute old.
func (r *rates) perSecond(now counts, of counter) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.samples) == 0 {
		return 0
	}
	first := r.samples[0]
	elapsed := time.Since(first.at).Seconds()
	if elapsed < 1 {
		return 0
	}
	return max(0, now[of]-first.counts[of]) / elapsed
}

// refused is the number of requests of a source that were answered with an error.
func (c counts) refused(source string) (n float64) {
	for of, v := range c {
		if of.metric == metricRequests && of.name == source && of.result >= "400" {
			n += v
		}
	}
	return n
}
