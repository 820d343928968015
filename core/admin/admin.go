// Package admin serves what operators and their machines ask of a running router: health and metrics. It is closed by
// default: the listener is a loopback address unless the configuration says otherwise.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what a Server needs.
type Options struct {
	Health   *Health
	Gatherer prometheus.Gatherer
	Log      *slog.Logger
}

// Server is the admin HTTP server: /livez, /readyz (?verbose for JSON), /startupz, their aliases /-/healthy and /-/ready,
// and /metrics in the Prometheus text format.
type Server struct {
	http *http.Server
}

// New makes a server that does not listen yet.
func New(o Options) *Server {
	return &Server{http: &http.Server{
		Handler:           handler(o),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}}
}

func handler(o Options) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/livez", "/-/healthy"} {
		mux.HandleFunc("GET "+path, o.Health.serveLive)
	}
	for _, path := range []string{"/readyz", "/-/ready"} {
		mux.HandleFunc("GET "+path, o.Health.serveReady)
	}
	mux.HandleFunc("GET /startupz", o.Health.serveStartup)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	}))
	return mux
}

// Run serves ln until ctx ends, then lets requests under way finish for at most two seconds. It closes ln.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		stopped <- s.http.Shutdown(grace)
	})
	err := s.http.Serve(ln)
	if stop() {
		return fmt.Errorf("serve admin: %w", err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop admin: %w", err)
	}
	return s.http.Close()
}
