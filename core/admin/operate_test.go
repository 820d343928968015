package admin

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	grpcstatus "google.golang.org/grpc/status"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func TestErrorsOfTheRouter(t *testing.T) {
	r := newRig(t)
	for name, tt := range map[string]struct {
		err        error
		code, text string
	}{
		"invalid":      {fmt.Errorf("%w: no source is called x", ErrInvalid), "invalid_argument", "no source is called x"},
		"not found":    {fmt.Errorf("%w: no plugin is called x", ErrNotFound), "not_found", "no plugin is called x"},
		"not now":      {fmt.Errorf("%w: the plugin is draining", ErrPrecondition), "failed_precondition", "the plugin is draining"},
		"busy":         {ErrBusy, "aborted", "in progress already"},
		"stopping":     {ErrStopping, "unavailable", "the router is stopping"},
		"closed":       {fmt.Errorf("append: %w", journal.ErrClosed), "unavailable", "append: journal is closed"},
		"full":         {journal.ErrFull, "resource_exhausted", "journal is full"},
		"ambiguous":    {journal.ErrAmbiguous, "invalid_argument", "several sources have an event with this id: name the source"},
		"not expected": {errors.New("open x: permission denied"), "internal", "open x: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			r.T = t
			r.router.err = tt.err
			for method, body := range map[string]string{
				"GetStatus": `{}`, "ListPlugins": `{}`, "Reload": `{}`, "RestartPlugin": `{"name": "ops"}`, "GetPluginLogs": `{"name": "ops"}`,
				"ListRooms": `{}`, "ListRoomMembers": `{"room": "r"}`, "CloseConnections": `{"room": "r"}`,
			} {
				if _, answer := r.call(method, body); answer != fmt.Sprintf(`{"code":%q,"message":%q}`, tt.code, tt.text) {
					t.Errorf("%s: %s, want %s with %q", method, answer, tt.code, tt.text)
				}
			}
			for change, field := range map[string]string{"reload": "", "restart of a plugin": "plugin=ops", "close of connections": "room=r"} {
				if !r.log.has("level=WARN", "change by an operator", change, field, tt.err.Error(), `by="uid `) {
					t.Errorf("the log has no failed %s: %s", change, r.log)
				}
			}
			if logged := r.log.has("level=ERROR", tt.err.Error()); logged != (tt.code == "internal") {
				t.Errorf("logged as an error: %v", logged)
			}
		})
	}
	r.T = t
}

// TestReloadFailure checks that the mistakes of a configuration reach whoever asked, in both encodings.
func TestReloadFailure(t *testing.T) {
	r := newRig(t)
	r.router.err = &ReloadError{Err: errors.New("config.hcl has 1 error"), Failure: &adminv1.ReloadFailure{
		Diagnostics: []*adminv1.Diagnostic{{Severity: "error", Summary: "Unknown attribute", File: "config.hcl", Line: 3}},
		Generation:  &adminv1.Generation{Number: 4},
	}}
	_, err := r.grpc("unix://"+r.socket).Reload(t.Context(), &adminv1.ReloadRequest{})
	details := grpcstatus.Convert(err).Details()
	if len(details) != 1 {
		t.Fatalf("%v with details %v", err, details)
	}
	failure, ok := details[0].(*adminv1.ReloadFailure)
	if !ok || failure.GetDiagnostics()[0].GetLine() != 3 || failure.GetGeneration().GetNumber() != 4 {
		t.Errorf("detail %v", details[0])
	}
	status, body := r.call("Reload", "{}")
	if status != 400 || !strings.Contains(body, `"type":"pointsman.admin.v1.ReloadFailure"`) || !strings.Contains(body, "config.hcl has 1 error") {
		t.Errorf("%d %s", status, body)
	}
	r.router.err = &ReloadError{Err: errors.New("port in use")}
	r.refused("Reload", "{}", "failed_precondition", "port in use")
}

func TestPlugins(t *testing.T) {
	r := newRig(t)
	var restarted adminv1.RestartPluginResponse
	r.ask("RestartPlugin", &adminv1.RestartPluginRequest{Name: "ops"}, &restarted)
	var list adminv1.ListPluginsResponse
	r.ask("ListPlugins", &adminv1.ListPluginsRequest{}, &list)
	var logs adminv1.GetPluginLogsResponse
	r.ask("GetPluginLogs", &adminv1.GetPluginLogsRequest{Name: "ops"}, &logs)
	if restarted.GetPlugin().GetState() != "ready" || len(list.GetPlugins()) != 1 || logs.GetText() != "log of ops" {
		t.Errorf("%v, %v, %v", &restarted, &list, &logs)
	}
	if _, text := r.call("ListPlugins", "{}"); !strings.HasPrefix(text, `{"plugins":[{"name":"ops","kind":"","state":"ready",`) || !strings.Contains(text, `"last_error":"","pending":"0"`) {
		t.Errorf("JSON %s", text)
	}
	if !r.log.has("level=INFO", `change="restart of a plugin"`, "plugin=ops") {
		t.Errorf("log: %s", r.log)
	}
	r.refused("RestartPlugin", "{}", "invalid_argument", "name the plugin")
	r.refused("GetPluginLogs", "{}", "invalid_argument", "name the plugin")
}

func TestReplay(t *testing.T) {
	r := newRig(t)
	r.store(
		given{source: "lab", typ: "wanted"}, given{source: "lab", typ: "unwanted"},
		given{source: "lab", typ: "wanted"}, given{source: "lab", typ: "quarantined", quarantine: "no JSON"},
	)
	events := func() int64 {
		t.Helper()
		stats, err := r.journal.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return stats.Events
	}
	type result struct{ events, deliveries, unmatched int32 }
	run := func(req *adminv1.ReplayEventsRequest) (got result, repeated []*adminv1.Event) {
		t.Helper()
		for {
			var page adminv1.ReplayEventsResponse
			r.ask("ReplayEvents", req, &page)
			got = result{got.events + page.GetEvents(), got.deliveries + page.GetDeliveries(), got.unmatched + page.GetUnmatched()}
			repeated = append(repeated, page.GetRepeated()...)
			if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
				return got, repeated
			}
		}
	}
	got, repeated := run(&adminv1.ReplayEventsRequest{All: true, DryRun: true, PageSize: 1})
	if want := (result{2, 4, 2}); got != want || len(repeated) != 2 || repeated[0].GetNumber() != 0 || repeated[0].GetReplayOf() != 3 || events() != 4 {
		t.Errorf("dry run: %+v, want %+v; %v", got, want, repeated)
	}
	// Replays are events too; going on from page to page does not come to them.
	got, repeated = run(&adminv1.ReplayEventsRequest{All: true, PageSize: 1})
	if want := (result{2, 4, 2}); got != want || len(repeated) != 2 || repeated[0].GetNumber() != 5 || repeated[0].GetReplayOf() != 3 || repeated[0].GetReceived() == nil || events() != 6 {
		t.Errorf("all: %+v, want %+v; %v", got, want, repeated)
	}
	// Once more: a filter leaves the replays out, so that their number does not double each time. By its number one can be repeated.
	if got, _ := run(&adminv1.ReplayEventsRequest{All: true, DryRun: true}); got != (result{2, 4, 2}) {
		t.Errorf("all, after a replay: %+v", got)
	}
	if got, repeated := run(&adminv1.ReplayEventsRequest{Number: 5, DryRun: true}); got != (result{1, 2, 0}) || repeated[0].GetReplayOf() != 5 {
		t.Errorf("a replay: %+v %v", got, repeated)
	}
	if got, _ := run(&adminv1.ReplayEventsRequest{Number: 1}); got != (result{1, 2, 0}) {
		t.Errorf("one: %+v", got)
	}
	if got, _ := run(&adminv1.ReplayEventsRequest{Filter: &adminv1.EventFilter{Match: "unwanted"}}); got != (result{0, 0, 1}) {
		t.Errorf("unwanted: %+v", got)
	}
	var original adminv1.GetEventResponse
	r.ask("GetEvent", &adminv1.GetEventRequest{Number: 1}, &original)
	if len(original.GetReplays()) != 2 {
		t.Errorf("the event was repeated by %v", original.GetReplays())
	}
	r.refused("ReplayEvents", `{}`, "invalid_argument", "the filter selects every event: narrow it, or set all = true")
	r.refused("ReplayEvents", `{"number": 1, "filter": {"source": "lab"}}`, "invalid_argument", "not both")
	r.refused("ReplayEvents", `{"number": 99}`, "not_found", "event 99")
	r.refused("ReplayEvents", `{"filter": {"match": "("}}`, "invalid_argument", "column 1")
	if !r.log.has("level=INFO", `change="replay of events"`, "events=1", "deliveries=2", `by="uid `) {
		t.Errorf("log: %s", r.log)
	}
}

// TestReplayThatFails checks that what was repeated before an error is told, and that the next page begins with what failed.
func TestReplayThatFails(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.store(given{source: "lab", typ: "wanted"})
	}
	r.router.err, r.router.replays = fmt.Errorf("%w: no room", journal.ErrFull), 3
	var first adminv1.ReplayEventsResponse
	req := &adminv1.ReplayEventsRequest{All: true}
	r.ask("ReplayEvents", req, &first)
	if first.GetEvents() != 3 || first.GetNextPageToken() == "" {
		t.Fatalf("%v", &first)
	}
	r.refused("ReplayEvents", `{"all": true, "page_token": "`+first.GetNextPageToken()+`"}`, "resource_exhausted", "no room")
	if !r.log.has("level=WARN", `change="replay of events"`, "no room") {
		t.Errorf("log: %s", r.log)
	}
	r.router.err = nil
	var rest adminv1.ReplayEventsResponse
	req.PageToken = first.GetNextPageToken()
	r.ask("ReplayEvents", req, &rest)
	if rest.GetEvents() != 2 || rest.GetRepeated()[0].GetReplayOf() != 2 {
		t.Errorf("%v", &rest)
	}
}
