package app

import (
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
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// sourceKinds says what a `source` block of each kind may hold. A kind is added here and in newSource.
func sourceKinds() map[string]*pluginv1.Schema {
	return map[string]*pluginv1.Schema{
		intdash.Kind: intdash.Schema(), s3.Kind: s3.Schema(), sns.Kind: sns.Schema(), websocket.Kind: websocket.Schema(),
	}
}

// dataOf names the kind whose message a source's event.data is: its own, but for S3 events that come through SNS.
func dataOf(kind string, settings []byte) string {
	var s sns.Settings
	if kind == sns.Kind && schema.Decode(nil, settings, &s) == nil && s.UnwrapS3 {
		return s3.Kind
	}
	return kind
}

// unwrapS3 makes the events of an S3 notification that came in an SNS message.
func unwrapS3(message []byte, window time.Duration) ([]source.Event, error) {
	return s3.Decode("auto", message, s3.DecodeOptions{Window: window})
}

// configured is a source of any kind. Warnings are about its settings and hold no secret.
type configured interface {
	source.Source
	Warnings() []string
}

// connectionMetrics are those of sources with connections, by mode.
type connectionMetrics struct {
	native  *websocket.Metrics
	gateway *apigateway.Metrics
}

func newConnectionMetrics(reg prometheus.Registerer) connectionMetrics {
	return connectionMetrics{websocket.NewMetrics(reg), apigateway.NewMetrics(reg)}
}

// isGateway reports whether a websocket source's clients connect to an API Gateway.
func isGateway(settings []byte) bool {
	var s websocket.Settings
	return schema.Decode(nil, settings, &s) == nil && s.Mode == "apigateway"
}

// newSource makes the source that a block describes.
func newSource(c *config.Source, d source.Deps, connections connectionMetrics) (configured, error) {
	switch c.Kind {
	case intdash.Kind:
		return made(intdash.New(c.Settings, d))
	case s3.Kind:
		return made(s3.New(c.Settings, d))
	case sns.Kind:
		return made(sns.New(c.Settings, d, unwrapS3))
	case websocket.Kind:
		if isGateway(c.Settings) {
			return made(apigateway.New(c.Settings, d, connections.gateway))
		}
		return made(websocket.New(c.Settings, d, websocket.WithMetrics(connections.native)))
	}
	return nil, fmt.Errorf("source %q: unknown kind %q", c.Name, c.Kind) // config has refused it already
}

// made keeps a nil pointer from becoming a source that is not nil.
func made[S configured](s S, err error) (configured, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// checkSources reports, at the blocks' lines, what making and mounting the sources would find.
func checkSources(sources []*config.Source) {
	unused := prometheus.NewRegistry()
	counts, connections := source.NewMetrics(unused), newConnectionMetrics(unused)
	mounted := map[string]*config.Source{}
	for _, c := range sources {
		if c.Settings == nil {
			continue // Its own errors are reported already.
		}
		s, err := newSource(c, source.Deps{
			Name: c.Name, Intake: new(intake), Log: slog.New(slog.DiscardHandler), Metrics: counts,
		}, connections)
		if err != nil {
			c.Diagnose(problem("", "Unusable source", err))
			continue
		}
		for _, w := range s.Warnings() {
			c.Diagnose(&pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Summary: "Doubtful source", Detail: w})
		}
		if other := mounted[s.Path()]; other != nil {
			c.Diagnose(problem("path", "Path is taken", fmt.Errorf("source %q is mounted at %s already: give one of them another path", other.Name, s.Path())))
		}
		mounted[s.Path()] = c
	}
}
