package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// ServerOptions configure a Server. Log and Metrics are required.
type ServerOptions struct {
	Sources []Source
	Log     *slog.Logger
	Metrics *Metrics
	// InFlight is the number of requests all sources together handle concurrently; more get 503. Default 512.
	InFlight int64
	// TLS is nil for plain HTTP.
	TLS *TLS
	// TrustedProxies may set the client's address and scheme, see Scheme. ProxyProtocol expects version 2 of the PROXY protocol
	// on their connections.
	TrustedProxies Proxies
	ProxyProtocol  bool
	// DrainTime is how long Run waits for requests in flight at shutdown. Default 15 s.
	DrainTime time.Duration
}

// mount is a source as the server routes to it: Info is called once, not for each request.
type mount struct {
	Info
	source Source
}

// Server is the HTTP server that all sources are mounted on.
type Server struct {
	options  ServerOptions
	http     *http.Server
	tls      *tls.Config
	mounted  atomic.Pointer[map[string]mount]
	inFlight atomic.Int64
	ready    atomic.Bool
}

// NewServer returns a server with the sources mounted. It starts nothing.
func NewServer(o ServerOptions) (*Server, error) {
	setDefault(&o.InFlight, 512)
	setDefault(&o.DrainTime, 15*time.Second)
	s := &Server{options: o}
	if o.TLS != nil {
		config, err := newTLSConfig(o.TLS, o.Log)
		if err != nil {
			return nil, err
		}
		s.tls = config
	}
	if err := s.Mount(o.Sources); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		// ReadTimeout bounds bodies that no source reads. Sources set shorter deadlines themselves.
		ReadTimeout: 35 * time.Second,
		// WriteTimeout counts from the end of the header, so it must cover the slowest body (30 s) and the slowest append
		// (10 s).
		WriteTimeout:                 60 * time.Second,
		IdleTimeout:                  60 * time.Second,
		MaxHeaderBytes:               16 << 10,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" gets the same 404 as any unknown path
		ErrorLog:                     slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// Mount replaces all sources atomically: each request sees the old set or the new one. On error the old set stays.
func (s *Server) Mount(sources []Source) error {
	byPath := make(map[string]mount, len(sources))
	var errs []error
	for _, src := range sources {
		info := src.Info()
		if err := CheckPath(info.Path); err != nil {
			errs = append(errs, fmt.Errorf("source %q: %w", info.Name, err))
			continue
		}
		if other, taken := byPath[info.Path]; taken {
			errs = append(errs, fmt.Errorf("sources %q and %q are both mounted at %s: give one of them another path",
				other.Name, info.Name, info.Path))
			continue
		}
		byPath[info.Path] = mount{source: src, Info: info}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.mounted.Store(&byPath)
	return nil
}

// find returns the source mounted at exactly p, or else the nearest one above p if that one serves its subtree.
func (s *Server) find(p string) (mount, bool) {
	mounted := *s.mounted.Load()
	if src, ok := mounted[p]; ok {
		return src, true
	}
	for i := strings.LastIndexByte(p, '/'); i >= 0; i = strings.LastIndexByte(p[:i], '/') {
		if src, ok := mounted[p[:max(i, 1)]]; ok {
			return src, src.Subtree
		}
	}
	return mount{}, false
}

// ServeHTTP passes a request to the source mounted at its path. Sources see the client's address in r.RemoteAddr, even if the
// request came through a trusted proxy.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.options.TrustedProxies.resolve(r)
	src, ok := s.find(r.URL.Path)
	if !ok {
		s.refuse(w, "", unknownPath)
		return
	}
	if src.LongLived {
		src.source.ServeHTTP(w, r)
		return
	}
	defer s.inFlight.Add(-1)
	if s.inFlight.Add(1) > s.options.InFlight {
		s.refuse(w, src.Name, overloaded)
		return
	}
	src.source.ServeHTTP(w, r)
}

func (s *Server) refuse(w http.ResponseWriter, source string, out outcome) {
	status := out.info().status
	s.options.Metrics.request(source, status, out).Inc()
	respond(w, out, status, "", newRequestID())
}

// Ready reports whether the server accepts connections: true while Run serves, false as soon as its context is done.
func (s *Server) Ready() bool { return s.ready.Load() }

// Run serves l until ctx is done, and closes l. Then it accepts no new connections and waits for the requests in flight. It
// returns an error if some were still running after DrainTime and were cut off. A server runs once.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	if s.options.ProxyProtocol {
		l = &proxyListener{Listener: l, proxies: s.options.TrustedProxies}
	}
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(l) }()
	s.ready.Store(true)
	defer s.ready.Store(false)
	select {
	case err := <-served:
		return fmt.Errorf("serve sources on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.ready.Store(false)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.DrainTime)
	defer cancel()
	err := s.http.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests still in flight after %s were cut off: %w", s.options.DrainTime, err), s.http.Close())
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
