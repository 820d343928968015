package app

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/core/source/s3"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// sourceKinds says what a `source` block of each kind may hold. A kind is added here and in newSource.
func sourceKinds() map[string]*pluginv1.Schema {
	return map[string]*pluginv1.Schema{intdash.Kind: intdash.Schema(), s3.Kind: s3.Schema()}
}

// newSource makes the source that a block describes. Warnings are about its settings and hold no secret.
func newSource(c *config.Source, d source.Deps) (_ source.Source, warnings []string, err error) {
	switch c.Kind {
	case intdash.Kind:
		s, err := intdash.New(c.Settings, d)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Warnings(), nil
	case s3.Kind:
		s, err := s3.New(c.Settings, d)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Warnings(), nil
	}
	return nil, nil, fmt.Errorf("source %q: unknown kind %q", c.Name, c.Kind) // config has refused it already
}

// checkSources reports, at the blocks' lines, what making and mounting the sources would find.
func checkSources(sources []*config.Source) {
	mounted := map[string]*config.Source{}
	for _, c := range sources {
		if c.Settings == nil {
			continue // Its own errors are reported already.
		}
		s, warnings, err := newSource(c, source.Deps{
			Name: c.Name, Intake: new(intake), Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()),
		})
		if err != nil {
			c.Diagnose(problem("", "Unusable source", err))
			continue
		}
		for _, w := range warnings {
			c.Diagnose(&pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Summary: "Doubtful source", Detail: w})
		}
		if other := mounted[s.Path()]; other != nil {
			c.Diagnose(problem("path", "Path is taken", fmt.Errorf("source %q is mounted at %s already: give one of them another path", other.Name, s.Path())))
		}
		mounted[s.Path()] = c
	}
}
