package sdk

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// Limits of the stop after standard input closed, which means that the router is gone. They stay below the three seconds after
// which no process of a killed router may be left.
const (
	orphanGrace    = time.Second             // until deliveries in progress are cancelled
	orphanTimeout  = 1500 * time.Millisecond // until the handler's hooks have run
	orphanDeadline = 2 * time.Second         // until the process exits, whatever still runs
)

// Serve is the main function of a plugin. It does not return.
//
// Started by a router, it serves the plugin until the router stops it or standard input closes. It ignores SIGINT, SIGTERM and
// SIGHUP, because the router stops its plugins itself, after draining them. Output to os.Stdout, of the standard logger and of
// slog's default logger goes to the log.
//
// Run by hand, it takes one argument: describe, version, help, or the name of a Command.
func Serve[S, A any](p Plugin[S, A]) {
	os.Exit(run(p))
}

// run returns the exit code of a plugin's program, started by a router or by hand.
func run[S, A any](p Plugin[S, A]) int {
	if process == nil {
		s, err := NewServer(p, os.Stderr, os.Getenv(handshake.EnvLogLevel))
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s%s: invalid plugin definition: %v\n", handshake.FilePrefix, p.Name, err)
			return 1
		}
		return byHand{server: s, commands: p.Commands, out: os.Stdout, err: os.Stderr}.run(os.Args[1:])
	}
	defer process.flush()
	s, err := newServer(p, process.log, process.secrets)
	if err != nil {
		process.log.Error("invalid plugin definition", "err", err)
		return 1
	}
	slog.SetDefault(process.log)
	return process.serve(s)
}

// serve runs go-plugin's server until the router shuts it down or is gone.
func (p *stdio) serve(s *Server) int {
	stopIgnoring := ignoreSignals()
	defer stopIgnoring()
	stop := &stopper{}
	go p.watchStdin(os.Stdin, s, stop)

	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake.Config(),
		Plugins:         plugin.PluginSet{handshake.PluginSet: &goPlugin{server: s}},
		Logger:          p.hclog,
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			g := grpc.NewServer(append(append(opts, s.ServerOptions()...), p.restoring()...)...)
			stop.set(g)
			return g
		},
	})
	if !stop.served() { // go-plugin has logged why
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphanTimeout)
	defer cancel()
	s.stop(ctx, orphanGrace)
	return 0
}

// restoring returns interceptors that restore os.Stdout and os.Stderr at the first call, because go-plugin replaces them just
// before it starts to listen.
func (p *stdio) restoring() []grpc.ServerOption {
	var once sync.Once
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			once.Do(p.firstCall)
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			once.Do(p.firstCall)
			return next(srv, stream)
		}),
	}
}

func (p *stdio) firstCall() {
	p.called.Store(true)
	p.restore()
}

// watchStdin ends the process when standard input does.
func (p *stdio) watchStdin(stdin io.Reader, s *Server, stop *stopper) {
	_, _ = io.Copy(io.Discard, stdin)
	time.AfterFunc(orphanDeadline, func() { os.Exit(1) })
	if !p.called.Load() {
		p.log.Warn("stdin was closed before the first call: keep it open as long as the plugin should run")
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphanTimeout)
	defer cancel()
	s.stop(ctx, orphanGrace)
	stop.stop() // plugin.Serve returns and removes its socket
}

// ignoreSignals ignores the signals that a terminal or a service manager sends to every process of a service, so that the router
// can drain the plugin first. Ignoring SIGPIPE turns a write to a dead router into an error. Programs that the plugin starts
// handle the signals as usual.
func ignoreSignals() (stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	return func() { signal.Stop(ch) }
}

// stopper stops a gRPC server that may not exist yet.
type stopper struct {
	mu      sync.Mutex
	server  *grpc.Server
	stopped bool
}

func (s *stopper) set(g *grpc.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = g
	if s.stopped {
		g.Stop()
	}
}

func (s *stopper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.server != nil {
		s.server.Stop()
	}
}

func (s *stopper) served() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server != nil
}

// goPlugin implements go-plugin's interface for a plugin.
type goPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *Server
}

func (g *goPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	g.server.Register(s)
	return nil
}

func (g *goPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("%s has no client here", handshake.PluginSet)
}
