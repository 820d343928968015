// Package admin serves what operators and their machines ask of a router: health, metrics, and the API of
// proto/pointsman/admin/v1. It is closed by default. Health and metrics are on a TCP listener, a loopback address unless the
// configuration says otherwise. The API is on a unix socket that only the router's user may open; on the TCP listener it is served
// only to those who have a token.
//
// Service implements the API over a journal and a Router. Without a Router it answers what the journal of a router that is not
// running can tell. What a source or a plugin calls sensitive is replaced before it leaves this package.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// Options are what a Server needs.
type Options struct {
	Health   *Health
	Gatherer prometheus.Gatherer
	Log      *slog.Logger
	// API is served on the unix socket, and on TCP if there are Tokens. It may be nil.
	API *Service
	// Tokens admit requests to the API on TCP. Empty ones are ignored.
	Tokens []string
	// Listen is the address of the TCP listener as the configuration has it: requests to the API may use its host name.
	Listen string
}

// Server is the admin HTTP server: /livez, /readyz (?verbose for JSON), /startupz, their aliases /-/healthy and /-/ready,
// /metrics in the Prometheus text format, and the API. It speaks HTTP/1.1 and, for gRPC, unencrypted HTTP/2.
type Server struct {
	tcp, socket *http.Server
}

// New makes a server that does not listen yet.
func New(o Options) *Server {
	overTCP, overSocket := http.Handler(http.HandlerFunc(noAPI)), http.Handler(http.HandlerFunc(noAPI))
	if o.API != nil {
		api := whenStarted(o.Health, o.API.Handler())
		overSocket = api
		if len(o.Tokens) > 0 {
			overTCP = newGuard(o, api)
		}
	}
	metrics := metricsHandler(o)
	s := &Server{tcp: newHTTPServer(o, metrics, overTCP), socket: newHTTPServer(o, metrics, overSocket)}
	s.socket.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return withCaller(ctx, peer(c)) }
	return s
}

func newHTTPServer(o Options, metrics, api http.Handler) *http.Server {
	s := &http.Server{
		Handler:           handler(o.Health, metrics, api),
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	if o.API != nil {
		s.RegisterOnShutdown(o.API.endTails)
	}
	return s
}

var errStarting = errors.New("the router is starting: try again in a moment")

// whenStarted refuses requests until the router has a configuration in force, without which it cannot answer them.
func whenStarted(h *Health, api http.Handler) http.Handler {
	refusals := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.started.Load() {
			_ = refusals.Write(w, r, connect.NewError(connect.CodeUnavailable, errStarting)) // The peer is gone when this fails.
			return
		}
		api.ServeHTTP(w, r)
	})
}

func metricsHandler(o Options) http.Handler {
	return promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	})
}

func handler(h *Health, metrics, api http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/livez", "/-/healthy"} {
		mux.HandleFunc("GET "+path, h.serveLive)
	}
	for _, path := range []string{"/readyz", "/-/ready"} {
		mux.HandleFunc("GET "+path, h.serveReady)
	}
	mux.HandleFunc("GET /startupz", h.serveStartup)
	mux.Handle("GET /metrics", metrics)
	mux.Handle("/"+adminv1connect.AdminServiceName+"/", api)
	return mux
}

// Run serves both listeners until ctx ends, then ends the tails and lets other requests under way finish for at most two seconds.
// It closes the listeners. socket may be nil.
func (s *Server) Run(ctx context.Context, tcp, socket net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 2)
	serving := 1
	go func() { served <- serve(ctx, s.tcp, tcp) }()
	if socket != nil {
		serving++
		go func() { served <- serve(ctx, s.socket, socket) }()
	}
	var errs []error
	for range serving {
		errs = append(errs, <-served)
		stop() // when one fails, the other ends too
	}
	return errors.Join(errs...)
}

// serve serves one listener until ctx ends.
func serve(ctx context.Context, s *http.Server, ln net.Listener) error {
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		stopped <- s.Shutdown(grace)
	})
	err := s.Serve(ln)
	if stop() {
		return fmt.Errorf("serve admin: %w", err)
	}
	if err := <-stopped; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop admin: %w", err)
	}
	return s.Close()
}
