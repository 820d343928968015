package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/time/rate"

	"github.com/pointsman/pointsman/core/bearer"
)

type callerKey struct{}

// withCaller adds the caller of a request to its context.
func withCaller(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// caller returns the caller of a request, for the log: "uid 1000 (pid 4711)", "token 1 from 10.0.0.7".
func caller(ctx context.Context) string {
	if who, ok := ctx.Value(callerKey{}).(string); ok {
		return who
	}
	return "this process"
}

// guard protects the API on the network: a request needs a token and must not come from a web page of another origin.
type guard struct {
	api http.Handler
	// listen is the host of admin.listen.
	listen string
	tokens bearer.Tokens
	log    *slog.Logger

	origins *http.CrossOriginProtection
	errors  *connect.ErrorWriter
	// refusals limits the log lines that token guessing causes.
	refusals rate.Sometimes
}

func newGuard(o Options, api http.Handler) *guard {
	g := &guard{
		api: api, tokens: bearer.New(o.Tokens), log: o.Log, origins: http.NewCrossOriginProtection(), errors: connect.NewErrorWriter(),
		refusals: rate.Sometimes{Interval: time.Second},
	}
	if host, _, err := net.SplitHostPort(o.Listen); err == nil {
		g.listen = host
	}
	return g
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := r.RemoteAddr
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	if !g.hostAllowed(r.Host) {
		g.refuse(w, r, from, connect.NewError(connect.CodePermissionDenied,
			errors.New("the Host header must be an IP address, localhost or the host of admin.listen")))
		return
	}
	if err := g.origins.Check(r); err != nil {
		g.refuse(w, r, from, connect.NewError(connect.CodePermissionDenied, errors.New("the request comes from a page of another origin")))
		return
	}
	slot := g.tokens.Slot(bearer.Of(r))
	if slot < 0 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="pointsman"`)
		g.refuse(w, r, from, connect.NewError(connect.CodeUnauthenticated,
			errors.New("no token, or a wrong one: send the header Authorization with Bearer and one of admin.tokens")))
		return
	}
	g.api.ServeHTTP(w, r.WithContext(withCaller(r.Context(), fmt.Sprintf("token %d from %s", slot+1, from))))
}

func (g *guard) refuse(w http.ResponseWriter, r *http.Request, from string, err *connect.Error) {
	g.refusals.Do(func() {
		g.log.Warn("request to the admin API refused", "from", from, "path", r.URL.Path, "err", err.Message())
	})
	_ = g.errors.Write(w, r, err) // The peer is gone when this fails.
}

// hostAllowed reports whether the Host header is one that a page of another site cannot have: such a page can make its own name
// resolve to this machine (DNS rebinding), but the browser still sends that name.
func (g *guard) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || host != "" && strings.EqualFold(host, g.listen)
}

// noAPI answers where the API is not served.
func noAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "the admin API is on the unix socket (admin.socket); with admin.tokens set it is served here as well\n") // The peer is gone when this fails.
}
