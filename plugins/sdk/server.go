package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Server serves a plugin over gRPC, without the process around it. Serve uses one; tests and programs with a plugin in their own
// process use it directly. Make it with NewServer, and call Close when its gRPC server has stopped.
type Server struct {
	pluginv1.UnimplementedPluginServiceServer

	app         app
	log         *slog.Logger
	secrets     *scrubber
	description *pluginv1.DescribeResponse

	ctx    context.Context // of every delivery
	cancel context.CancelCauseFunc
	gate   gate
	pool   atomic.Pointer[pool]

	mu       sync.Mutex
	texts    []string // secrets of all settings seen
	engine   engine   // nil: not configured
	stopped  bool
	sessions sync.WaitGroup
	drained  sync.Once
	finish   sync.Once
}

// app is a Plugin without its type parameters.
type app interface {
	check(log *slog.Logger, settings []byte) []Diagnostic
	start(ctx context.Context, settings []byte, in Instance) (engine, error)
}

var errStopped = status.Error(codes.Unavailable, "the plugin has stopped")

// NewServer checks the plugin's definition and makes a server for it. It writes the plugin's log to w, one JSON object per line;
// level is a value of handshake.EnvLogLevel. It returns an error if the definition is invalid.
func NewServer[S, A any](p Plugin[S, A], w io.Writer, level string) (*Server, error) {
	secrets := &scrubber{}
	log, _ := newLogger(w, level, secrets)
	return newServer(p, log, secrets)
}

// newServer checks the definition and derives the description.
func newServer[S, A any](p Plugin[S, A], log *slog.Logger, secrets *scrubber) (*Server, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	a, err := newAdapter(p)
	if err != nil {
		return nil, err
	}
	s := &Server{app: a, log: log, secrets: secrets, description: &pluginv1.DescribeResponse{
		Name:         p.Name,
		Version:      versionOr(p.Version),
		Sdk:          "go " + Version,
		Doc:          p.Doc,
		Capabilities: []pluginv1.Capability{pluginv1.Capability_CAPABILITY_STREAM},
		Limits: &pluginv1.Limits{
			MaxInFlight: uint32(orDefault(p.MaxInFlight, handshake.DefaultMaxInFlight)),
			MaxBatch:    uint32(orDefault(p.MaxBatch, handshake.MaxBatch)),
		},
		Settings:  a.settings.Schema(),
		Arguments: a.arguments.Schema(),
	}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s, nil
}

var kindForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// most limits MaxInFlight and MaxBatch, because every delivery in flight may need a goroutine.
const most = 1 << 16

// validate returns what is wrong with the definition.
func (p Plugin[S, A]) validate() error {
	switch {
	case !kindForm.MatchString(p.Name):
		return fmt.Errorf("plugin name %q: want lower-case letters, digits and -", p.Name)
	case p.Doc == "":
		return errors.New("the plugin has no Doc: say in one sentence what it does")
	case p.New == nil:
		return errors.New("the plugin has no New: set it to the function that makes the handler")
	case p.MaxInFlight < 0 || p.MaxInFlight > most || p.MaxBatch < 0 || p.MaxBatch > most:
		return fmt.Errorf("MaxInFlight and MaxBatch: want 0 to %d", most)
	}
	for _, c := range p.Commands {
		if !kindForm.MatchString(c.Name) || c.Run == nil || ownCommand(c.Name) {
			return fmt.Errorf("command %q: want lower-case letters, digits and -, a Run, and none of the SDK's own names", c.Name)
		}
	}
	return nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// versionOr returns the given version, or the one that the toolchain recorded, or "dev".
func versionOr(version string) string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return "dev"
}

// Register adds the plugin to a gRPC server that was made with ServerOptions.
func (s *Server) Register(r grpc.ServiceRegistrar) { pluginv1.RegisterPluginServiceServer(r, s) }

// Description returns the response of Describe. It is shared: clone it before you change it.
func (s *Server) Description() *pluginv1.DescribeResponse { return s.description }

// Describe returns a copy of the description.
func (s *Server) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	return proto.CloneOf(s.description), nil
}

// Configure checks the settings and, unless the request is only to validate, starts the plugin with them. A plugin can be
// started once.
func (s *Server) Configure(ctx context.Context, req *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, schema.Secrets(s.description.GetSettings(), req.GetSettings())...)
	s.secrets.set(s.texts)

	ds := s.app.check(s.log, req.GetSettings())
	if !req.GetValidateOnly() && !anyError(ds) {
		if err := s.start(ctx, req); err != nil {
			ds = append(ds, diagnose(err)...)
		}
	}
	resp := &pluginv1.ConfigureResponse{}
	for _, d := range ds {
		resp.Diagnostics = append(resp.Diagnostics, diagnosticProto(d, s.secrets.clean))
	}
	return resp, nil
}

// start makes the engine and its pool. The caller holds mu.
func (s *Server) start(ctx context.Context, req *pluginv1.ConfigureRequest) error {
	if s.stopped {
		return errStopping
	}
	if s.engine != nil {
		return errors.New("the plugin is already configured: start another process for other settings")
	}
	e, err := s.app.start(ctx, req.GetSettings(), Instance{Name: req.GetInstance(), DataDir: req.GetDataDir(), Log: s.log})
	if err != nil {
		return err
	}
	s.engine = e
	limits := s.description.GetLimits()
	s.pool.Store(newPool(cleaned{e, s.secrets}, int(limits.GetMaxInFlight()), int(limits.GetMaxBatch())))
	return nil
}

// cleaned is an engine that removes the secrets of the settings from its results.
type cleaned struct {
	engine
	secrets *scrubber
}

func (c cleaned) one(ctx context.Context, d *pluginv1.Delivery) *pluginv1.Result {
	r := c.engine.one(ctx, d)
	c.clean(r)
	return r
}

func (c cleaned) many(ctx context.Context, ds []*pluginv1.Delivery) []*pluginv1.Result {
	rs := c.engine.many(ctx, ds)
	for _, r := range rs {
		c.clean(r)
	}
	return rs
}

func (c cleaned) clean(r *pluginv1.Result) {
	if r.Message != "" {
		r.Message = c.secrets.clean(r.Message)
	}
	if r.Receipt != "" {
		r.Receipt = c.secrets.clean(r.Receipt)
	}
}

// begin registers a session. It returns false if the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.sessions.Add(1)
	return true
}

// Drain waits until every delivery has its result, then lets the handler flush and close. Shortly before the timeout it cancels
// the contexts of deliveries in progress, so that they are answered too.
func (s *Server) Drain(ctx context.Context, req *pluginv1.DrainRequest) (*pluginv1.DrainResponse, error) {
	timeout := req.GetTimeout().AsDuration()
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s.stop(ctx, timeout-min(timeout/5, time.Second))
	return &pluginv1.DrainResponse{}, nil
}

// stop refuses new deliveries, calls the handler's Drain, waits for the deliveries in progress and cancels them after grace, and
// at last calls Flush and Close. It calls each hook once, and gives up when ctx ends.
func (s *Server) stop(ctx context.Context, grace time.Duration) {
	empty := s.gate.shut()
	s.drained.Do(s.drainHandler)
	over := time.NewTimer(grace)
	defer over.Stop()
	select {
	case <-empty:
	case <-over.C:
		s.cancel(errStopping)
	}
	select {
	case <-empty:
	case <-ctx.Done():
		s.log.Warn("deliveries are still running after their context ended: stopping without Flush and Close")
		return
	}
	s.finish.Do(func() { s.runHooks(ctx) })
}

// handler returns the plugin's handler, or nil before Configure.
func (s *Server) handler() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.engine.(interface{ hooks() any }); ok {
		return e.hooks()
	}
	return nil
}

func (s *Server) drainHandler() {
	d, ok := s.handler().(Drainer)
	if !ok {
		return
	}
	err := guard(s.log, "Drain", func() error {
		d.Drain()
		return nil
	})
	if err != nil {
		s.log.Error("drain", "err", err)
	}
}

// runHooks calls Flush and Close. Errors are logged, because nobody waits for them.
func (s *Server) runHooks(ctx context.Context) {
	h := s.handler()
	if f, ok := h.(Flusher); ok {
		if err := guard(s.log, "Flush", func() error { return f.Flush(ctx) }); err != nil {
			s.log.Error("flush", "err", err)
		}
	}
	if c, ok := h.(io.Closer); ok {
		if err := guard(s.log, "Close", c.Close); err != nil {
			s.log.Error("close", "err", err)
		}
	}
}

// Close ends the handler and everything that the server started. Call it when the gRPC server has stopped. It cancels deliveries
// in progress and waits for them until ctx ends.
func (s *Server) Close(ctx context.Context) {
	s.stop(ctx, 0)
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.cancel(errStopping)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sessions.Wait()
		if p := s.pool.Swap(nil); p != nil {
			p.close()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
