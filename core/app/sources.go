package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/core/source/s3"
	"github.com/pointsman/pointsman/core/source/sns"
	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/core/source/websocket/apigateway"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// sourceKinds returns every kind of source; a new kind is added here. Their metrics are registered with reg.
func sourceKinds(reg prometheus.Registerer) []source.Kind {
	return []source.Kind{
		intdash.Kind(),
		s3.Kind(),
		sns.Kind(unwrapS3),
		websocket.Kind(websocket.NewMetrics(reg), apigateway.Mode(apigateway.NewMetrics(reg))),
	}
}

// unwrapS3 decodes an S3 notification that arrived in an SNS message.
func unwrapS3(message []byte, window time.Duration) ([]source.Event, error) {
	return s3.Decode("auto", message, s3.DecodeOptions{Window: window})
}

// sourceMaker makes the sources of a configuration while it is being read, so that rules are checked against the events that
// the sources really have, and mistakes that only a source can see are reported with all others.
type sourceMaker struct {
	kinds map[string]source.Kind
	deps  source.Deps // all but those of a block
	// made holds the sources in the order of their blocks.
	made []source.Source
	// mounted holds the names of the sources by path.
	mounted map[string]string
}

func newSourceMaker(kinds []source.Kind, deps source.Deps) *sourceMaker {
	m := &sourceMaker{kinds: map[string]source.Kind{}, deps: deps, mounted: map[string]string{}}
	for _, k := range kinds {
		m.kinds[k.Name] = k
	}
	return m
}

// offlineSources makes sources that accept nothing, for commands that only read a configuration.
func offlineSources() *sourceMaker {
	unused := prometheus.NewRegistry()
	return newSourceMaker(sourceKinds(unused), source.Deps{
		Intake: noIntake{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(unused),
	})
}

// noIntake refuses every event.
type noIntake struct{}

func (noIntake) Accept(context.Context, []source.Event) ([]source.Accepted, error) {
	return nil, errors.New("no router is running")
}

func (m *sourceMaker) schemas() map[string]*pluginv1.Schema {
	schemas := make(map[string]*pluginv1.Schema, len(m.kinds))
	for name, k := range m.kinds {
		schemas[name] = k.Schema
	}
	return schemas
}

// makeSource makes the source of a block and reports what is wrong with it at its lines. It returns the kind whose message
// event.data is.
func (m *sourceMaker) makeSource(c *config.Source) (data string) {
	deps := m.deps
	deps.Name, deps.Sensitive = c.Name, c.Sensitive
	s, err := m.kinds[c.Kind].New(c.Settings, deps)
	if err != nil {
		c.Diagnose(problem("", "Unusable source", err))
		return ""
	}
	info := s.Info()
	for _, w := range info.Warnings {
		c.Diagnose(warning("Risky source settings", w))
	}
	if other, taken := m.mounted[info.Path]; taken {
		c.Diagnose(problem("path", "Path is taken", fmt.Errorf("source %q is mounted at %s already: give one of them another path", other, info.Path)))
		return info.Data
	}
	m.mounted[info.Path] = c.Name
	m.made = append(m.made, s)
	return info.Data
}

// find returns the source called name, nil if it could not be made.
func (m *sourceMaker) find(name string) source.Source {
	for _, s := range m.made {
		if s.Info().Name == name {
			return s
		}
	}
	return nil
}
