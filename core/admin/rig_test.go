package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/journal/sqlite"
	"github.com/pointsman/pointsman/core/source"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const (
	testToken  = "a-token-that-nobody-can-guess"
	otherToken = "another-token-nobody-can-guess"
)

// rig is a server with a real journal on a unix socket and on TCP.
type rig struct {
	*testing.T
	journal *sqlite.Journal
	router  *fakeRouter
	feed    *Feed
	log     *syncBuffer
	socket  string
	address string
	// http talks to the unix socket.
	http *http.Client
	// stop ends the server and returns what Run returned.
	stop func() error

	ids int
}

// startedHealth is that of a router that is ready.
func startedHealth() *Health {
	h := new(Health)
	h.Started(func() []Check { return nil })
	return h
}

// newRig starts a server whose options change may alter.
func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{T: t, feed: NewFeed(), log: &syncBuffer{}, socket: filepath.Join(dir, "admin.sock")}
	var err error
	if r.journal, err = sqlite.Open(t.Context(), filepath.Join(dir, "journal.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	r.router = &fakeRouter{journal: r.journal, comparing: make(chan struct{}), compare: make(chan struct{})}
	log := newTestLogger(r.log)
	o := Options{
		Health: startedHealth(), Gatherer: prometheus.NewRegistry(), Log: log, Tokens: []string{"", testToken, otherToken}, Listen: "admin.example:8081",
		API: NewService(ServiceOptions{Journal: r.journal, Operator: r.journal, Router: r.router, Planner: r.router, Feed: r.feed, Log: log}),
	}
	for _, f := range change {
		f(&o)
	}
	r.serve(New(o))
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", r.socket)
	}}
	r.http = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return r
}

func (r *rig) serve(s *Server) {
	r.Helper()
	socket, err := ListenSocket(r.socket)
	if err != nil {
		r.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.address = tcp.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, tcp, socket) }()
	r.stop = sync.OnceValue(func() error {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		return <-done
	})
	r.Cleanup(func() {
		if err := r.stop(); err != nil {
			r.Errorf("run: %v", err)
		}
	})
}

// grpc returns a client that speaks gRPC to a target.
func (r *rig) grpc(target string) adminv1.AdminServiceClient {
	r.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = conn.Close() })
	return adminv1.NewAdminServiceClient(conn)
}

// call posts JSON to a method on the unix socket, and returns the status and the body of the answer.
func (r *rig) call(method, body string) (int, string) {
	r.Helper()
	resp, err := r.http.Post("http://localhost/"+adminv1connect.AdminServiceName+"/"+method, "application/json", strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// ask calls a method and decodes its answer, which must be one.
func (r *rig) ask(method string, req, answer proto.Message) {
	r.Helper()
	body, err := protojson.Marshal(req)
	if err != nil {
		r.Fatal(err)
	}
	status, text := r.call(method, string(body))
	if status != http.StatusOK {
		r.Fatalf("%s %s: %d %s", method, body, status, text)
	}
	if err := protojson.Unmarshal([]byte(text), answer); err != nil {
		r.Fatalf("%s: %v in %s", method, err, text)
	}
}

// refused calls a method that must fail with a code and a message that contains text.
func (r *rig) refused(method, body, code, text string) {
	r.Helper()
	status, answer := r.call(method, body)
	var got struct{ Code, Message string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status == http.StatusOK || got.Code != code || !strings.Contains(got.Message, text) {
		r.Errorf("%s %s: %d %s, want %s with %q", method, body, status, answer, code, text)
	}
}

// given is an event of a test.
type given struct {
	source, typ string
	sensitive   bool
	quarantine  string
	deliveries  []journal.NewDelivery
}

// store appends events and returns their numbers.
func (r *rig) store(events ...given) []int64 {
	r.Helper()
	var entries []journal.Entry
	for _, g := range events {
		r.ids++
		e := &pointsmanv1.Envelope{
			Id: fmt.Sprintf("e%d", r.ids), Source: g.source, Kind: "s3", Type: g.typ, Subject: "bucket/key", Body: []byte(`{"body":1}`), Sensitive: g.sensitive,
			Attributes: []*pointsmanv1.Attribute{{Name: "name", Value: "value"}}, VerifiedBy: "secret 1",
		}
		if g.quarantine == "" {
			e.Data = &pointsmanv1.Envelope_S3{S3: &pointsmanv1.S3Event{EventName: "Put", Object: &pointsmanv1.S3Object{Key: "key", Size: proto.Int64(1 << 60)}}}
		}
		envelope, err := proto.Marshal(e)
		if err != nil {
			r.Fatal(err)
		}
		entries = append(entries, journal.Entry{
			Source: g.source, ID: e.Id, Type: g.typ, Subject: e.Subject, Received: time.Now(), Envelope: envelope,
			Keys: []journal.Key{{Value: e.Id}}, Quarantine: g.quarantine, Deliveries: g.deliveries,
		})
	}
	stored, err := r.journal.Append(r.Context(), journal.Disk, entries)
	if err != nil {
		r.Fatal(err)
	}
	var seqs []int64
	for _, s := range stored {
		seqs = append(seqs, s.Seq)
	}
	return seqs
}

func to(plugin string) journal.NewDelivery {
	return journal.NewDelivery{Rule: "to-" + plugin, Plugin: plugin, Arguments: []byte(`{"text":"hello"}`), Policy: journal.DefaultPolicy, Generation: 7}
}

// settle claims n deliveries of a plugin and settles them all with the same outcome.
func (r *rig) settle(plugin string, n int, s journal.Settlement) []journal.Delivery {
	r.Helper()
	var all []journal.Delivery
	for len(all) < n {
		claimed, err := r.journal.Claim(r.Context(), plugin, n-len(all))
		if err != nil {
			r.Fatal(err)
		}
		var results []journal.Settlement
		for _, d := range claimed {
			s.Seq = d.Seq
			results = append(results, s)
		}
		if err := r.journal.Settle(r.Context(), results); err != nil {
			r.Fatal(err)
		}
		all = append(all, claimed...)
	}
	return all
}

// deadLetters stores n events with a dead letter of the plugin each.
func (r *rig) deadLetters(plugin string, n int) []journal.Delivery {
	r.Helper()
	for range n {
		r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to(plugin)}})
	}
	return r.settle(plugin, n, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "no such channel"})
}

// fakeRouter is a Router whose rules want every event for the plugin ops.
type fakeRouter struct {
	journal *sqlite.Journal
	status  *adminv1.GetStatusResponse
	// err is returned by every method.
	err error
	// reload is what Reload does.
	reload func(context.Context) error
	// rules is what Explain returns, by source.
	rules   map[string][]*adminv1.RuleResult
	rooms   []*adminv1.Room
	members []*adminv1.RoomMember
	// replays is how many replays succeed before one fails with err; negative: all.
	replays int
	// comparing is closed when the plan of slow.hcl compares its first events, which waits until compare is closed.
	comparing, compare chan struct{}

	mu    sync.Mutex
	calls []string
}

var _ Router = (*fakeRouter)(nil)

func (f *fakeRouter) called(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeRouter) Status(context.Context) (*adminv1.GetStatusResponse, error) {
	if f.status == nil {
		f.status = &adminv1.GetStatusResponse{Version: "test", Plugins: []*adminv1.Plugin{{Name: "ops", State: "ready"}}}
	}
	return f.status, f.err
}

func (f *fakeRouter) Reload(ctx context.Context, by string) (*adminv1.ReloadResponse, error) {
	if err := f.called("reload by %s", by); err != nil {
		return nil, err
	}
	if f.reload != nil {
		if err := f.reload(ctx); err != nil {
			return nil, err
		}
	}
	return &adminv1.ReloadResponse{Changed: true, Generation: &adminv1.Generation{Number: 8}}, nil
}

func (f *fakeRouter) Explain(_ context.Context, e *journal.EventRecord, _ string) (*Explanation, error) {
	x := Explanation{Generation: 7}
	for _, r := range f.rules[e.Source] {
		x.Rules = append(x.Rules, proto.CloneOf(r))
	}
	return &x, f.err
}

func (f *fakeRouter) Replay(ctx context.Context, e *journal.EventRecord, rules []string, dryRun bool) (*Replayed, error) {
	if f.err != nil && f.replays == 0 {
		return nil, f.err
	}
	f.replays--
	if e.Type == "unwanted" {
		return &Replayed{}, nil
	}
	if dryRun {
		return &Replayed{Deliveries: 2}, nil
	}
	stored, err := f.journal.Append(ctx, journal.Disk, []journal.Entry{{
		Source: e.Source, ID: e.ID, Type: e.Type, Received: time.Now(), Envelope: e.Envelope, ReplayOf: e.Seq,
		Deliveries: []journal.NewDelivery{to("ops"), to("mail")},
	}})
	if err != nil {
		return nil, err
	}
	return &Replayed{Seq: stored[0].Seq, Deliveries: 2}, nil
}

// Condition understands the name of a type, and "fails".
func (f *fakeRouter) Condition(expression string) (Condition, error) {
	if strings.ContainsAny(expression, "()") {
		return nil, fmt.Errorf("%w: %q has an error at column 1", ErrInvalid, expression)
	}
	return func(_ string, envelope []byte) (bool, error) {
		var e pointsmanv1.Envelope
		if err := proto.Unmarshal(envelope, &e); err != nil {
			return false, err
		}
		if expression == "fails" {
			return true, fmt.Errorf("null has no attribute")
		}
		return e.Type == expression, nil
	}, nil
}

func (f *fakeRouter) RestartPlugin(_ context.Context, name string) error {
	return f.called("restart %s", name)
}

func (f *fakeRouter) PluginLogs(name string) (*adminv1.GetPluginLogsResponse, error) {
	return &adminv1.GetPluginLogsResponse{Text: "log of " + name}, f.err
}

func (f *fakeRouter) Rooms(context.Context, string) ([]*adminv1.Room, error) { return f.rooms, f.err }

func (f *fakeRouter) RoomMembers(context.Context, string, string) ([]*adminv1.RoomMember, error) {
	return f.members, f.err
}

func (f *fakeRouter) CloseConnections(_ context.Context, req *adminv1.CloseConnectionsRequest) (int, error) {
	if _, err := source.CheckClose(req.GetRoom(), req.GetConnectionId(), int(req.GetCode()), req.GetReason()); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrInvalid, err) // as the router does
	}
	return 3, f.called("close %s%s", req.GetRoom(), req.GetConnectionId())
}

func newTestLogger(to io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// has reports whether a line of the log has all the texts.
func (s *syncBuffer) has(texts ...string) bool {
	for line := range strings.Lines(s.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return true
		}
	}
	return false
}
