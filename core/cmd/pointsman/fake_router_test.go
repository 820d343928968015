package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// fakeNow is the clock of the tests of commands.
var fakeNow = time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)

// before is a time before fakeNow.
func before(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(fakeNow.Add(-d)) }

// fakeRouter is an admin API with fixed content. It records what it was asked.
type fakeRouter struct {
	adminv1connect.UnimplementedAdminServiceHandler
	health adminv1.Health
	// reload is how a reload ends: "failed", "busy", "nothing", or with a change.
	reload string
	// stopped makes it answer as from a journal.
	stopped bool

	mu    sync.Mutex
	asked []string
	// onPage is called before each page of a change that is no dry run.
	onPage func() error
}

// handler serves the API and records every request.
func (r *fakeRouter) handler() http.Handler {
	record := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			r.record(req.Spec().Procedure, req.Any().(proto.Message))
			return next(ctx, req)
		}
	})
	mux := http.NewServeMux()
	mux.Handle(adminv1connect.NewAdminServiceHandler(r, connect.WithInterceptors(record)))
	return mux
}

func (r *fakeRouter) record(procedure string, m proto.Message) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	var document bytes.Buffer
	if err := json.Compact(&document, text); err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, filepath.Base(procedure)+" "+document.String())
}

// requests returns what was asked since the last call, a line each.
func (r *fakeRouter) requests() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := ""
	for _, a := range r.asked {
		text += a + "\n"
	}
	r.asked = nil
	return text
}

// startFake serves a fake router on a unix socket.
func startFake(t *testing.T) (_ *fakeRouter, socket string) {
	t.Helper()
	r := &fakeRouter{health: adminv1.Health_HEALTH_DEGRADED}
	socket = filepath.Join(t.TempDir(), "admin.sock")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r.handler(), ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return r, socket
}

func (r *fakeRouter) GetStatus(context.Context, *connect.Request[adminv1.GetStatusRequest]) (*connect.Response[adminv1.GetStatusResponse], error) {
	if r.stopped {
		return connect.NewResponse(&adminv1.GetStatusResponse{
			Generation: &adminv1.Generation{Number: 41}, Journal: &adminv1.JournalStatus{Bytes: 123_456_789, LimitBytes: 1 << 30, Events: 120_311},
			Plugins: []*adminv1.Plugin{
				{Name: "mail", State: "unknown", Pending: 2, OldestPending: before(time.Hour)},
				{Name: "ops", State: "unknown", Dead: 1, OldestDead: before(50 * time.Hour)},
			},
		}), nil
	}
	s := &adminv1.GetStatusResponse{
		Version: "v1.2.3", Started: before(26 * time.Hour), Health: r.health,
		Generation: &adminv1.Generation{Number: 41, Loaded: before(3 * time.Hour), Files: []string{"config.hcl", "rules/ops.hcl"}},
		LastReload: &adminv1.ReloadAttempt{Time: before(time.Minute), RequestedBy: "SIGHUP", Error: "the configuration is invalid: rules/ops.hcl:7: Unknown attribute: There is none"},
		Journal: &adminv1.JournalStatus{
			Path: "data/journal.db", Durability: "disk", Bytes: 123_456_789, LimitBytes: 1 << 30, Events: 120_311, Quarantined: 3, DiskFreeBytes: 34e9,
		},
		Sources: []*adminv1.Source{
			{Name: "lab", Kind: "intdash", Url: "http://127.0.0.1:8080/hooks/intdash", Durability: "disk", Accepted: 120_000, Duplicates: 12, Quarantined: 3, Refused: 7, Rate: 1.234},
			{Name: "chat", Kind: "websocket", Url: "http://127.0.0.1:8080/ws", Durability: "memory", Accepted: 311},
		},
		Rules: []*adminv1.Rule{
			{Name: "measurement-done", Position: "rules/ops.hcl:3", Sources: []string{"lab"}, Matched: 1_200, NotMatched: 118_800, Mode: "live", Sample: 1},
			{Name: "shout", Position: "rules/ops.hcl:20", Sources: []string{"chat", "lab"}, Failed: 2, Mode: "live", Sample: 1},
			{Name: "new", Position: "rules/ops.hcl:40", Sources: []string{"lab"}, Mode: "disabled", Sample: 1},
			{Name: `team["eu"]`, Position: "rules/ops.hcl:60", Sources: []string{"lab"}, Shadow: 2_040, NotMatched: 117_960, Mode: "shadow", Sample: 1},
			{Name: "rest", Position: "rules/ops.hcl:80", Sources: []string{"lab"}, Matched: 12, NotMatched: 119_988, Mode: "live", Fallback: true, Sample: 0.05},
		},
		Plugins:       fakePlugins(),
		ServerAddress: "127.0.0.1:8080", AdminAddress: "127.0.0.1:8081",
		InsecureOptions: []string{"source chat: insecure_allow_any_origin (config.hcl:12)"},
	}
	if r.health != adminv1.Health_HEALTH_OK {
		s.Problems = []string{"plugin ops is down since 2m", "the last reload failed, generation 41 stays in force: Unknown attribute\x1b[2J\nand its detail"}
	}
	return connect.NewResponse(s), nil
}

func fakePlugins() []*adminv1.Plugin {
	return []*adminv1.Plugin{
		{
			Name: "mail", Kind: "stats-email", State: "ready", Since: before(26 * time.Hour), Version: "v1.2.3", Sha256: strings.Repeat("ab", 32), Pid: 4711,
			Delivered: 1_188, Rate: 0.25,
		},
		{
			Name: "ops", Kind: "slack", State: "backoff", Since: before(2 * time.Minute), Version: "v1.2.3", Sha256: strings.Repeat("cd", 32), Restarts: 12,
			LastError: "exit status 2: panic: runtime error", Pending: 17, OldestPending: before(150 * time.Second), Dead: 3_412, OldestDead: before(50 * time.Hour),
		},
		{Name: "old", State: "not-configured", Pending: 2, Dead: 1, OldestDead: before(time.Hour), OldestPending: before(90 * time.Hour)},
	}
}

// fakeEvents are the events of the journal, newest first.
var fakeEvents = []*adminv1.Event{
	{Number: 43, Source: "lab", Id: "d41cd3e1", Type: "intdash.measurement.completed", Subject: "1a14f158", Received: before(90 * time.Second), State: adminv1.EventState_EVENT_STATE_PENDING},
	{Number: 42, Source: "chat", Id: "evil\x1b[31m\nid", Type: "websocket.message", Received: before(2 * time.Hour), State: adminv1.EventState_EVENT_STATE_UNMATCHED},
	{Number: 41, Source: "lab", Id: "c0ffee", Type: "intdash.measurement.completed", Received: before(49 * time.Hour), State: adminv1.EventState_EVENT_STATE_DEAD, ReplayOf: 12},
}

// ListEvents answers one event a page, and an empty page first.
func (r *fakeRouter) ListEvents(_ context.Context, req *connect.Request[adminv1.ListEventsRequest]) (*connect.Response[adminv1.ListEventsResponse], error) {
	switch f := req.Msg.GetFilter(); {
	case f.GetMatch() == "(":
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("match: line 1: an expression is missing"))
	case f.GetSource() == "none":
		return connect.NewResponse(&adminv1.ListEventsResponse{}), nil
	}
	switch token := req.Msg.GetPageToken(); token {
	case "":
		return connect.NewResponse(&adminv1.ListEventsResponse{NextPageToken: "0"}), nil
	default:
		i := int(token[0] - '0')
		resp := &adminv1.ListEventsResponse{Events: fakeEvents[i : i+1]}
		if i+1 < len(fakeEvents) {
			resp.NextPageToken = fmt.Sprint(i + 1)
		}
		return connect.NewResponse(resp), nil
	}
}

func (r *fakeRouter) GetEvent(_ context.Context, req *connect.Request[adminv1.GetEventRequest]) (*connect.Response[adminv1.GetEventResponse], error) {
	switch {
	case req.Msg.GetNumber() == 43, req.Msg.GetId() == "d41cd3e1":
		return connect.NewResponse(fakeHistory()), nil
	case req.Msg.GetNumber() == 42:
		return connect.NewResponse(&adminv1.GetEventResponse{
			Event: fakeEvents[1], Content: &adminv1.EventContent{ContentType: "application/octet-stream", Body: []byte{0, 1, 2}},
		}), nil
	case req.Msg.GetNumber() == 41:
		return connect.NewResponse(&adminv1.GetEventResponse{Event: fakeEvents[2], Content: &adminv1.EventContent{VerifiedBy: "secret 1"}}), nil
	case req.Msg.GetNumber() == 12:
		return connect.NewResponse(&adminv1.GetEventResponse{Event: &adminv1.Event{Number: 12, Source: "lab", Id: "c0ffee", Received: before(72 * time.Hour)}}), nil
	case req.Msg.GetNumber() == 39:
		return connect.NewResponse(fakeWaiting()), nil
	case req.Msg.GetNumber() == 40:
		return connect.NewResponse(&adminv1.GetEventResponse{
			Event: &adminv1.Event{
				Number: 40, Source: "lab", Received: before(time.Hour), State: adminv1.EventState_EVENT_STATE_QUARANTINED,
				QuarantineReason: "the key \"a\" stands twice",
			},
			Content: &adminv1.EventContent{Sensitive: true},
		}), nil
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no such event: it never was, or the journal no longer keeps it"))
}

// fakeWaiting is an event whose deliveries wait: for a plugin that is down, for one that works, for a retry, for one of a replay whose
// original is gone.
func fakeWaiting() *adminv1.GetEventResponse {
	pending := adminv1.DeliveryState_DELIVERY_STATE_PENDING
	return &adminv1.GetEventResponse{
		Event: &adminv1.Event{Number: 39, Source: "lab", Received: before(time.Minute), State: adminv1.EventState_EVENT_STATE_PENDING, ReplayOf: 7},
		Deliveries: []*adminv1.Delivery{
			{Id: "k3v9x2-40", Rule: "r", Plugin: "ops", State: pending},
			{Id: "k3v9x2-41", Rule: "r", Plugin: "mail", State: pending},
			{
				Id: "k3v9x2-42", Rule: "r", Plugin: "mail", State: pending, Attempts: 1, Due: timestamppb.New(fakeNow.Add(time.Minute)),
				Failures: []*adminv1.Attempt{{Number: 1, Time: before(time.Second), Error: "busy"}},
			},
		},
	}
}

// fakeHistory is an event with a delivery of each state.
func fakeHistory() *adminv1.GetEventResponse {
	received := before(90 * time.Second)
	at := func(d time.Duration) *timestamppb.Timestamp { return before(90*time.Second - d) }
	return &adminv1.GetEventResponse{
		Event: fakeEvents[0],
		Content: &adminv1.EventContent{
			Time: at(-time.Second), ContentType: "application/json", VerifiedBy: "secret 1", HopCount: 1, TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			Attributes: []*adminv1.Attribute{{Name: "delivery", Value: "d41cd3e1"}, {Name: "user-agent", Value: "intdash\x07"}},
			DataJson:   `{"action":"completed","measurement_uuid":"1a14f158"}`,
			Body:       []byte("{\"a\": 1}\n" + strings.Repeat("ü", 3_000)),
		},
		Deliveries: []*adminv1.Delivery{
			{
				Id: "k3v9x2-1", EventNumber: 43, Rule: "measurement-done", Plugin: "mail", State: adminv1.DeliveryState_DELIVERY_STATE_DONE, Attempts: 2,
				Received: received, Settled: at(1_400 * time.Millisecond), Receipt: "Message-ID <1@x>", Generation: 41,
				Failures: []*adminv1.Attempt{{Number: 1, Time: at(200 * time.Millisecond), Error: "421 try again later"}},
			},
			{
				Id: "k3v9x2-2", EventNumber: 43, Rule: "measurement-done", Plugin: "ops", State: adminv1.DeliveryState_DELIVERY_STATE_PENDING, Attempts: 13,
				Received: received, Due: timestamppb.New(fakeNow.Add(30 * time.Second)), Redriven: at(20 * time.Second), Generation: 41, Error: "500 from Slack",
				Failures: []*adminv1.Attempt{
					{Number: 1, Time: at(time.Second), Error: "500 from\nSlack"},
					{Number: 12, Time: at(15 * time.Second), Error: "500 from Slack", Final: true},
					{Number: 13, Time: at(40 * time.Second), Error: "500 from Slack"},
				},
			},
			{
				Id: "k3v9x2-3", EventNumber: 43, Rule: "shout", Plugin: "ops", State: adminv1.DeliveryState_DELIVERY_STATE_DEAD, Received: received, Settled: at(0),
				Reason: "rule_error", Error: "rules/ops.hcl line 22: null in a template", Generation: 40,
			},
			{
				Id: "k3v9x2-4", EventNumber: 43, Rule: "shout", Plugin: "old", State: adminv1.DeliveryState_DELIVERY_STATE_DROPPED, Attempts: 1, Received: received,
				Settled: at(50 * time.Second), Reason: "rejected", Error: "channel_not_found",
				Failures: []*adminv1.Attempt{{Number: 1, Time: at(300 * time.Millisecond), Error: "channel_not_found", Final: true}},
			},
		},
		Replays: []int64{44, 51},
		Rules: []*adminv1.RuleResult{
			{Rule: "measurement-done", Position: "rules/ops.hcl:3", Verdict: adminv1.Verdict_VERDICT_MATCHED},
			{
				Rule: "new", Position: "rules/ops.hcl:40", Verdict: adminv1.Verdict_VERDICT_NOT_MATCHED,
				Clauses: []*adminv1.Clause{
					{Text: `event.type == "x"`, Line: 41, Verdict: adminv1.Verdict_VERDICT_MATCHED},
					{
						Text: "event.data.extra.size > 10 * mb", Line: 42, Verdict: adminv1.Verdict_VERDICT_NOT_MATCHED,
						Reads: []*adminv1.Read{{Text: "event.data.extra.size", Presence: adminv1.Presence_PRESENCE_MISSING}},
					},
				},
			},
			{Rule: "shout", Position: "rules/ops.hcl:20", Verdict: adminv1.Verdict_VERDICT_FAILED, Error: "line 22: null in a template"},
		},
	}
}

func (r *fakeRouter) TailEvents(ctx context.Context, req *connect.Request[adminv1.TailEventsRequest], stream *connect.ServerStream[adminv1.TailEventsResponse]) error {
	r.record("TailEvents", req.Msg)
	d := fakeHistory().Deliveries
	for _, m := range []*adminv1.TailEventsResponse{
		{Item: &adminv1.TailEventsResponse_Event{Event: fakeEvents[0]}},
		{Item: &adminv1.TailEventsResponse_Delivery{Delivery: d[0]}},
		{Item: &adminv1.TailEventsResponse_Delivery{Delivery: d[1]}, LeftOut: 120},
		{Item: &adminv1.TailEventsResponse_Delivery{Delivery: d[2]}},
		{LeftOut: 3},
		{Item: &adminv1.TailEventsResponse_Event{Event: fakeEvents[1]}},
	} {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	if req.Msg.GetFilter().GetSource() == "chat" {
		return connect.NewError(connect.CodeUnavailable, fmt.Errorf("the router is stopping"))
	}
	<-ctx.Done()
	return ctx.Err()
}

// fakeDead are the dead letters, newest first.
func fakeDead() []*adminv1.Delivery {
	policy := &adminv1.Policy{
		MaxAttempts: 12, MaxAge: durationpb.New(24 * time.Hour), MinBackoff: durationpb.New(time.Second), MaxBackoff: durationpb.New(5 * time.Minute),
		Timeout: durationpb.New(30 * time.Second),
	}
	return []*adminv1.Delivery{
		{
			Id: "k3v9x2-31", EventNumber: 41, EventId: "c0ffee", Source: "lab", Rule: "measurement-done", Plugin: "ops", State: adminv1.DeliveryState_DELIVERY_STATE_DEAD,
			Attempts: 12, Received: before(49 * time.Hour), Settled: before(2 * time.Hour), Reason: "retries_exhausted", Error: "404 no_team\nfrom hooks.slack.com " + strings.Repeat("x", 80),
			ArgumentsJson: `{"text":"done"}`, Policy: policy, OrderKey: "lab",
			Failures: []*adminv1.Attempt{
				{Number: 1, Time: before(3 * time.Hour), Error: "timeout"},
				{Number: 11, Time: before(150 * time.Minute), Error: "404 no_team", Final: true},
				{Number: 12, Time: before(2 * time.Hour), Error: "404 no_team", Final: true},
			},
			Redriven: before(121 * time.Minute),
		},
		{
			Id: "k3v9x2-3", EventNumber: 43, EventId: "d41cd3e1", Source: "lab", Rule: "shout", Plugin: "ops", State: adminv1.DeliveryState_DELIVERY_STATE_DEAD,
			Received: before(90 * time.Second), Settled: before(90 * time.Second), Reason: "rule_error", Error: "rules/ops.hcl line 22: null in a template",
		},
	}
}

func (r *fakeRouter) ListDeliveries(_ context.Context, req *connect.Request[adminv1.ListDeliveriesRequest]) (*connect.Response[adminv1.ListDeliveriesResponse], error) {
	if req.Msg.GetFilter().GetPlugin() == "mail" {
		return connect.NewResponse(&adminv1.ListDeliveriesResponse{}), nil
	}
	if req.Msg.GetFilter().GetReason() == "rule_error" {
		return connect.NewResponse(&adminv1.ListDeliveriesResponse{Deliveries: fakeDead()[1:]}), nil
	}
	return connect.NewResponse(&adminv1.ListDeliveriesResponse{Deliveries: fakeDead()}), nil
}

func (r *fakeRouter) GetDelivery(_ context.Context, req *connect.Request[adminv1.GetDeliveryRequest]) (*connect.Response[adminv1.GetDeliveryResponse], error) {
	for _, d := range fakeDead() {
		if d.GetId() == req.Msg.GetId() {
			return connect.NewResponse(&adminv1.GetDeliveryResponse{Delivery: d}), nil
		}
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no delivery %q", req.Msg.GetId()))
}

// fakePages are the pages of a change: a full one, an empty one, the rest. Plugin mail has none.
func (r *fakeRouter) fakePage(filter *adminv1.DeliveryFilter, dryRun bool, token string) (n int32, next string, err error) {
	if !dryRun && r.onPage != nil {
		if err := r.onPage(); err != nil {
			return 0, "", err
		}
	}
	switch {
	case filter.GetPlugin() == "mail", len(filter.GetIds()) == 1:
		return 0, "", nil
	case token == "":
		return 1000, "a", nil
	case token == "a":
		return 0, "b", nil
	}
	return 204, "", nil
}

func (r *fakeRouter) RetryDeliveries(_ context.Context, req *connect.Request[adminv1.RetryDeliveriesRequest]) (*connect.Response[adminv1.RetryDeliveriesResponse], error) {
	n, next, err := r.fakePage(req.Msg.GetFilter(), req.Msg.GetDryRun(), req.Msg.GetPageToken())
	if err != nil {
		return nil, err
	}
	resp := &adminv1.RetryDeliveriesResponse{Retried: n, NextPageToken: next}
	switch ids := req.Msg.GetFilter().GetIds(); {
	case next == "" && n > 0:
		resp.Skipped = 3
	case len(ids) == 1 && ids[0] == "rule-failed":
		resp.Skipped = 1
	}
	return connect.NewResponse(resp), nil
}

func (r *fakeRouter) DropDeliveries(_ context.Context, req *connect.Request[adminv1.DropDeliveriesRequest]) (*connect.Response[adminv1.DropDeliveriesResponse], error) {
	n, next, err := r.fakePage(req.Msg.GetFilter(), req.Msg.GetDryRun(), req.Msg.GetPageToken())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&adminv1.DropDeliveriesResponse{Dropped: n, NextPageToken: next}), nil
}

// ReplayEvents repeats events 41 and 43 by number, and in two pages those that a filter selects.
func (r *fakeRouter) ReplayEvents(_ context.Context, req *connect.Request[adminv1.ReplayEventsRequest]) (*connect.Response[adminv1.ReplayEventsResponse], error) {
	m := req.Msg
	repeated := func(n int64) *adminv1.Event {
		e := &adminv1.Event{Source: "lab", Id: "d41cd3e1", ReplayOf: n}
		if !m.GetDryRun() {
			e.Number = n + 100
		}
		return e
	}
	switch {
	case m.GetNumber() == 42:
		return connect.NewResponse(&adminv1.ReplayEventsResponse{Unmatched: 1}), nil
	case m.GetNumber() == 41, m.GetNumber() == 43:
		return connect.NewResponse(&adminv1.ReplayEventsResponse{Events: 1, Deliveries: 2, Repeated: []*adminv1.Event{repeated(m.GetNumber())}}), nil
	case m.GetNumber() != 0:
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no event %d", m.GetNumber()))
	case m.GetPageToken() == "":
		return connect.NewResponse(&adminv1.ReplayEventsResponse{Events: 1, Deliveries: 1, Unmatched: 5, Repeated: []*adminv1.Event{repeated(43)}, NextPageToken: "a"}), nil
	}
	return connect.NewResponse(&adminv1.ReplayEventsResponse{Events: 1, Deliveries: 3, Repeated: []*adminv1.Event{repeated(41)}}), nil
}

// Reload fails, changes something or nothing, as told.
func (r *fakeRouter) Reload(context.Context, *connect.Request[adminv1.ReloadRequest]) (*connect.Response[adminv1.ReloadResponse], error) {
	g := &adminv1.Generation{Number: 41, Loaded: before(3 * time.Hour), Files: []string{"config.hcl"}}
	switch r.reload {
	case "failed":
		err := connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("the configuration is invalid: 1 error"))
		detail, derr := connect.NewErrorDetail(&adminv1.ReloadFailure{Generation: g, Diagnostics: []*adminv1.Diagnostic{{
			Severity: "error", Summary: "Unknown source", File: "config.hcl", Line: 13, Column: 11,
			Text: "Error: Unknown source\n\n  on config.hcl line 13, in rule \"report\":\n  13:   on   = [\"lob\"]\n                ^^^^^\n\nThere is no source \"lob\".\n\n",
		}}})
		if derr != nil {
			return nil, derr
		}
		err.AddDetail(detail)
		return nil, err
	case "busy":
		return nil, connect.NewError(connect.CodeAborted, fmt.Errorf("a reload is in progress already: try again when it has ended"))
	case "nothing":
		return connect.NewResponse(&adminv1.ReloadResponse{Generation: g}), nil
	}
	g.Number = 42
	return connect.NewResponse(&adminv1.ReloadResponse{
		Generation: g, Changed: true, Changes: []string{"plugin ops: replaced", "rule big-images: new"},
		Warnings: []*adminv1.Diagnostic{{Severity: "warning", Summary: "Every client is trusted", Text: "Warning: Every client is trusted\n\n"}},
	}), nil
}

func (r *fakeRouter) ListPlugins(context.Context, *connect.Request[adminv1.ListPluginsRequest]) (*connect.Response[adminv1.ListPluginsResponse], error) {
	return connect.NewResponse(&adminv1.ListPluginsResponse{Plugins: fakePlugins()}), nil
}

func (r *fakeRouter) RestartPlugin(_ context.Context, req *connect.Request[adminv1.RestartPluginRequest]) (*connect.Response[adminv1.RestartPluginResponse], error) {
	for _, p := range fakePlugins() {
		if p.GetName() == req.Msg.GetName() {
			return connect.NewResponse(&adminv1.RestartPluginResponse{Plugin: p}), nil
		}
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no plugin %q", req.Msg.GetName()))
}

func (r *fakeRouter) GetPluginLogs(_ context.Context, req *connect.Request[adminv1.GetPluginLogsRequest]) (*connect.Response[adminv1.GetPluginLogsResponse], error) {
	if req.Msg.GetName() == "mail" {
		return connect.NewResponse(&adminv1.GetPluginLogsResponse{}), nil
	}
	return connect.NewResponse(&adminv1.GetPluginLogsResponse{
		Text: "starting\n\x1b[31mred\x1b[0m\tafter a tab\npanic: runtime error\n\tmain.go:7", Panic: "panic: runtime error\n\tmain.go:7",
	}), nil
}

func (r *fakeRouter) ListRooms(_ context.Context, req *connect.Request[adminv1.ListRoomsRequest]) (*connect.Response[adminv1.ListRoomsResponse], error) {
	if req.Msg.GetSource() == "lab" {
		return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("source lab has no rooms"))
	}
	return connect.NewResponse(&adminv1.ListRoomsResponse{Rooms: []*adminv1.Room{
		{Source: "chat", Name: "lobby", Members: 1_234}, {Source: "chat", Name: "evil\nroom", Members: 1},
	}}), nil
}

func (r *fakeRouter) ListRoomMembers(_ context.Context, req *connect.Request[adminv1.ListRoomMembersRequest]) (*connect.Response[adminv1.ListRoomMembersResponse], error) {
	if req.Msg.GetRoom() != "lobby" {
		return connect.NewResponse(&adminv1.ListRoomMembersResponse{}), nil
	}
	members := []*adminv1.RoomMember{
		{ConnectionId: "7f3a", Connected: before(2 * time.Hour), LastActive: before(4 * time.Second), RemoteAddress: "10.0.0.7:5123", UserAgent: "Mozilla/5.0", Subject: "alice", QueuedBytes: 2048},
		{ConnectionId: "81bc", Connected: before(time.Minute), RemoteAddress: "10.0.0.8:5124"},
	}
	if req.Msg.GetPageToken() == "" && req.Msg.GetPageSize() > 1 {
		return connect.NewResponse(&adminv1.ListRoomMembersResponse{Members: members[:1], NextPageToken: "a"}), nil
	}
	return connect.NewResponse(&adminv1.ListRoomMembersResponse{Members: members[1:]}), nil
}

func (r *fakeRouter) CloseConnections(_ context.Context, req *connect.Request[adminv1.CloseConnectionsRequest]) (*connect.Response[adminv1.CloseConnectionsResponse], error) {
	if req.Msg.GetConnectionId() == "none" {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no connection %q", "none"))
	}
	if req.Msg.GetRoom() == "empty" {
		return connect.NewResponse(&adminv1.CloseConnectionsResponse{}), nil
	}
	if req.Msg.GetRoom() != "" {
		return connect.NewResponse(&adminv1.CloseConnectionsResponse{Closed: 1_234}), nil
	}
	return connect.NewResponse(&adminv1.CloseConnectionsResponse{Closed: 1}), nil
}
