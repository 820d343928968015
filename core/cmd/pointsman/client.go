package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/app"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

const (
	// Variables of the operator's commands: those of "pointsman send" are other ones, because they are about another address.
	tokenVariable = envPrefix + "ADMIN_TOKEN"
	urlVariable   = envPrefix + "ADMIN_URL"

	maxTokenFile = 4 << 10
	// maxAnswer is more than the largest answer: an event of the largest body, or 1,000 deliveries with long errors.
	maxAnswer = 64 << 20
	// callTimeout is the longest that one call may take, and reloadTimeout that of a reload, which starts plugins.
	callTimeout   = time.Minute
	reloadTimeout = 5 * time.Minute
)

// openStopped serves the admin API of a router that is stopped from its journal. Tests replace it.
var openStopped = app.OpenStopped

// clientFlags say which router a command talks to, and how it prints the answer.
type clientFlags struct {
	configFlags
	config, socket, url, tokenFile, journal string
	asJSON                                  bool
	// matching is set when the command line has an expression, which only a router can evaluate.
	matching bool
	// reads is set for commands that can also read the journal of a stopped router.
	reads bool
}

func (f *clientFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", defaultConfig, "configuration file or directory of the router: its socket is beside its journal")
	flags.StringVar(&f.socket, "socket", "", "unix socket of the router, instead of the configured one")
	flags.StringVar(&f.url, "url", "", "admin address of the router, such as http://127.0.0.1:8081, instead of a socket (or "+urlVariable+")")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token for --url (or "+tokenVariable+" with the token itself)")
	for _, name := range []string{"url", "token-file"} {
		_ = flags.SetAnnotation(name, adminFlag, nil) // it fails only for a flag that does not exist
	}
	flags.BoolVar(&f.asJSON, "json", false, "print as JSON")
	f.configFlags.register(flags)
}

// registerReading adds the flags of a command that only reads.
func (f *clientFlags) registerReading(cmd *cobra.Command) {
	f.register(cmd)
	cmd.Flags().StringVar(&f.journal, "journal", "", "journal of a router that is stopped, such as data/journal.db")
	f.reads = true
}

// use calls do with a client of the router. It explains the errors of calls, and gives them their exit codes.
func (f *clientFlags) use(ctx context.Context, s streams, do func(adminv1connect.AdminServiceClient) error) error {
	e, err := f.endpoint(ctx, s)
	if err != nil {
		return err
	}
	client, disconnect := e.connect()
	err = e.explain(do(client))
	disconnect()
	return errors.Join(err, e.close())
}

// endpoint is where the admin API of a router is.
type endpoint struct {
	// name is what messages call it.
	name, url string
	// dial is nil for TCP.
	dial  func(context.Context) (net.Conn, error)
	close func() error
	// tokenFrom is where the token was read.
	token, tokenFrom string

	// socket is the path of a unix socket, empty for another endpoint.
	socket string
	// hint is advice for an endpoint that does not answer.
	hint string
}

// endpoint finds the router: in its journal, at an address, at a socket, or where its configuration says.
func (f *clientFlags) endpoint(ctx context.Context, s streams) (*endpoint, error) {
	given := 0
	for _, flag := range []string{f.journal, f.url, f.socket} {
		if flag != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, usageError(errors.New("give only one of --socket, --url and --journal (environment variables count too)"))
	case f.tokenFile != "" && f.url == "":
		return nil, usageError(errors.New("--token-file is for --url: a socket needs no token"))
	case f.journal != "" && f.matching:
		return nil, usageError(errors.New("--match needs a running router, which knows the rule language: leave out --journal or --match"))
	case f.journal != "":
		return f.stopped(ctx, s)
	case f.url != "":
		return f.remote()
	case f.socket != "":
		return f.local(f.socket, ""), nil
	}
	socket, journal, err := f.configured(ctx)
	if err != nil {
		return nil, err
	}
	e := f.local(f.find(socket), f.find(journal))
	if !filepath.IsAbs(socket) && f.folder() != "." {
		e.hint += "\n" + fmt.Sprintf("The path %s is relative to the router's working directory: run the command there, or name the socket with --socket", socket)
	}
	return e, nil
}

// find returns the path of a file of the router, absolute. A relative path of the configuration is relative to the router's working
// directory: it is looked for in this process's, and in the configuration's folder.
func (f *clientFlags) find(path string) string {
	if inFolder := filepath.Join(f.folder(), path); !filepath.IsAbs(path) && !exists(path) && exists(inFolder) {
		path = inFolder
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return path
}

// folder is where the configuration is.
func (f *clientFlags) folder() string {
	if info, err := os.Stat(f.config); err == nil && info.IsDir() {
		return filepath.Clean(f.config)
	}
	return filepath.Dir(f.config)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// configured returns the paths of socket and journal according to the configuration, which may have errors elsewhere: people
// look at the router in order to mend it.
func (f *clientFlags) configured(ctx context.Context) (socket, journal string, err error) {
	if _, err := os.Stat(f.config); err != nil {
		return "", "", &exitError{code: exitUnreachable, err: fmt.Errorf(
			"%w\nGive the router's configuration with --config, or its socket with --socket", err)}
	}
	cfg, _ := app.ReadConfig(ctx, f.options([]string{f.config}))
	return cfg.AdminSocket(), cfg.Journal.Path, nil
}

// local is the router behind a socket. journal is the path of its journal, empty if it is not known.
func (f *clientFlags) local(socket, journal string) *endpoint {
	hint := "Is the router running? Start it with: pointsman run " + f.config
	if f.reads && exists(journal) {
		hint += "\nOr read the journal of the stopped router with: --journal " + journal
	}
	return &endpoint{
		name: socket, url: "http://localhost", socket: socket, hint: hint,
		dial:  func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", socket) },
		close: func() error { return nil },
	}
}

func (f *clientFlags) remote() (*endpoint, error) {
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return nil, usageError(errors.New("--url: want an address such as http://127.0.0.1:8081, without a user name"))
	}
	token, from, err := f.token()
	if err != nil {
		return nil, err
	}
	return &endpoint{
		name: f.url, url: strings.TrimSuffix(f.url, "/"), token: token, tokenFrom: from, close: func() error { return nil },
		hint: "Is the router running? It serves the API there if its block admin sets listen and tokens",
	}, nil
}

// token returns the bearer token and where it was read. It is empty if there is none.
func (f *clientFlags) token() (token, from string, err error) {
	token, from = os.Getenv(tokenVariable), tokenVariable
	if f.tokenFile != "" {
		file, err := os.Open(f.tokenFile)
		if err != nil {
			return "", "", usageError(fmt.Errorf("--token-file: %w", err))
		}
		defer file.Close() //nolint:errcheck // only read
		text, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
		if err != nil {
			return "", "", usageError(fmt.Errorf("--token-file: %w", err))
		}
		token, from = string(text), "--token-file "+f.tokenFile
	}
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "", usageError(fmt.Errorf("%s: a token is one word of ASCII characters", from))
	}
	return token, from, nil
}

// stopped serves the API of a stopped router inside this process.
func (f *clientFlags) stopped(ctx context.Context, s streams) (*endpoint, error) {
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	handler, closeJournal, err := openStopped(ctx, f.journal, log)
	if err != nil {
		return nil, err
	}
	listener := newPipeListener()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: callTimeout}
	ended := make(chan struct{})
	go func() {
		_ = server.Serve(listener) // ends with Close
		close(ended)
	}()
	return &endpoint{
		name: f.journal, url: "http://localhost", dial: listener.dial,
		close: func() error {
			err := server.Close()
			<-ended
			return errors.Join(err, closeJournal())
		},
	}, nil
}

// connect returns a client of the API. No connection is made before the first call.
func (e *endpoint) connect() (_ adminv1connect.AdminServiceClient, disconnect func()) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if e.dial != nil {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return e.dial(ctx) }
	}
	client := &http.Client{
		Transport:     bearer{token: e.token, next: transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return adminv1connect.NewAdminServiceClient(client, e.url,
		connect.WithReadMaxBytes(maxAnswer), connect.WithInterceptors(connect.UnaryInterceptorFunc(limitTime))), transport.CloseIdleConnections
}

// limitTime bounds how long a call takes.
func limitTime(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		limit := callTimeout
		if req.Spec().Procedure == adminv1connect.AdminServiceReloadProcedure {
			limit = reloadTimeout
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, req)
	}
}

// bearer adds a token to every request.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.next.RoundTrip(r)
}

// pipeListener is a listener inside the process.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close is called once, by http.Server.
func (l *pipeListener) Close() error { close(l.closed); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "journal", Net: "pipe"} }
