package admin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func TestListEvents(t *testing.T) {
	r := newRig(t)
	for i := range 25 {
		typ := "odd"
		if i%5 == 0 {
			typ = "fifth"
		}
		r.store(given{source: "lab", typ: typ})
	}
	tests := []struct {
		name string
		req  adminv1.ListEventsRequest
		want int
	}{
		{"all in pages", adminv1.ListEventsRequest{PageSize: 10}, 25},
		{"all at once", adminv1.ListEventsRequest{}, 25},
		{"match", adminv1.ListEventsRequest{PageSize: 2, Filter: &adminv1.EventFilter{Match: "fifth"}}, 5},
		{"match nothing", adminv1.ListEventsRequest{Filter: &adminv1.EventFilter{Match: "none"}}, 0},
		{"an expression that fails matches nothing", adminv1.ListEventsRequest{Filter: &adminv1.EventFilter{Match: "fails"}}, 0},
		{"state", adminv1.ListEventsRequest{PageSize: 20, Filter: &adminv1.EventFilter{State: adminv1.EventState_EVENT_STATE_UNMATCHED}}, 25},
		{"another state", adminv1.ListEventsRequest{Filter: &adminv1.EventFilter{State: adminv1.EventState_EVENT_STATE_DEAD}}, 0},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			var numbers []int64
			for {
				var page adminv1.ListEventsResponse
				r.ask("ListEvents", &tt.req, &page)
				for _, e := range page.GetEvents() {
					numbers = append(numbers, e.GetNumber())
				}
				if limit := tt.req.GetPageSize(); limit > 0 && len(page.GetEvents()) > int(limit) {
					t.Errorf("a page of %d events", len(page.GetEvents()))
				}
				if tt.req.PageToken = page.GetNextPageToken(); tt.req.PageToken == "" {
					break
				}
			}
			if len(numbers) != tt.want {
				t.Errorf("%d events, want %d", len(numbers), tt.want)
			}
			for i := 1; i < len(numbers); i++ {
				if numbers[i] >= numbers[i-1] {
					t.Errorf("not newest first: %v", numbers)
				}
			}
		})
	}
}

func TestEventFilters(t *testing.T) {
	r := newRig(t)
	r.store(
		given{source: "lab", typ: "s3.object.created", deliveries: []journal.NewDelivery{to("ops"), to("mail")}},
		given{source: "lab", typ: "s3.object.removed", deliveries: []journal.NewDelivery{to("ops")}},
		given{source: "room", typ: "ws.message"},
	)
	before, after := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for filter, want := range map[string]string{
		`{}`:                                               "3 2 1",
		`{"source": "lab"}`:                                "2 1",
		`{"plugin": "ops"}`:                                "2 1",
		`{"plugin": "mail"}`:                               "1",
		`{"rule": "to-mail"}`:                              "1",
		`{"rule": "to-mail", "plugin": "ops"}`:             "",
		`{"type_prefix": "s3.object.r"}`:                   "2",
		`{"typePrefix": "s3."}`:                            "2 1",
		`{"state": "EVENT_STATE_UNMATCHED"}`:               "3",
		`{"state": "EVENT_STATE_PENDING"}`:                 "2 1",
		`{"since": "` + before + `"}`:                      "3 2 1",
		`{"since": "` + after + `"}`:                       "",
		`{"until": "` + before + `"}`:                      "",
		`{"until": "` + after + `", "source": "room"}`:     "3",
		`{"since": "0001-01-01T00:00:00Z"}`:                "3 2 1",
		`{"since": "1600-01-01T00:00:00Z"}`:                "3 2 1",
		`{"since": "2300-01-01T00:00:00Z"}`:                "",
		`{"since": "9999-12-31T23:59:59Z"}`:                "",
		`{"until": "0001-01-01T00:00:00Z"}`:                "",
		`{"until": "1600-01-01T00:00:00Z"}`:                "",
		`{"until": "2300-01-01T00:00:00Z"}`:                "3 2 1",
		`{"until": "9999-12-31T23:59:59Z"}`:                "3 2 1",
		`{"source": "lab", "match": "s3.object.created"}`:  "1",
		`{"source": "room", "match": "s3.object.created"}`: "",
	} {
		if got := strings.Join(r.list("ListEvents", "events", "number", filter), " "); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
}

// list returns one field of every record of a list, whose pages have two.
func (r *rig) list(method, records, field, filter string) (values []string) {
	r.Helper()
	token := ""
	for {
		status, text := r.call(method, `{"page_size": 2, "page_token": "`+token+`", "filter": `+filter+`}`)
		var page map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil {
			r.Fatalf("%s %s: %d %s", method, filter, status, text)
		}
		var list []map[string]any
		if page[records] != nil {
			if err := json.Unmarshal(page[records], &list); err != nil {
				r.Fatal(err)
			}
		}
		for _, record := range list {
			values = append(values, fmt.Sprint(record[field]))
		}
		if err := json.Unmarshal(page["next_page_token"], &token); err != nil {
			r.Fatal(err)
		}
		if token == "" {
			return values
		}
	}
}

// TestSearchIsBounded checks that a search for what few events match ends, and goes on where it ended.
func TestSearchIsBounded(t *testing.T) {
	r := newRig(t)
	many := make([]given, maxSearched+500)
	for i := range many {
		many[i] = given{source: "lab", typ: "common"}
	}
	many[3].typ = "rare"
	r.store(many...)
	req := &adminv1.ListEventsRequest{PageSize: 2, Filter: &adminv1.EventFilter{Match: "rare"}}
	calls, found := 0, 0
	for {
		var page adminv1.ListEventsResponse
		r.ask("ListEvents", req, &page)
		calls++
		found += len(page.GetEvents())
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if found != 1 || calls < 2 {
		t.Errorf("%d events in %d calls, want 1 in 2 or more", found, calls)
	}
}

// TestPagesAreBounded checks that a page of large events ends early.
func TestPagesAreBounded(t *testing.T) {
	list := search[int]{
		read: func(p journal.Page) ([]int, int64, error) { return make([]int, p.Limit), 1, nil },
		seq:  func(*int) int64 { return 7 },
		size: func(*int) int { return 1 << 20 },
	}
	if found, next, err := list.page(1000, 0); len(found) != maxPageBytes>>20 || next != 7 || err != nil {
		t.Errorf("%d records, next %d, %v", len(found), next, err)
	}
	// An engine may find nothing for a while.
	before := int64(1 << 40)
	list.read = func(journal.Page) ([]int, int64, error) { before--; return nil, before, nil }
	if found, next, err := list.page(1000, 0); len(found) != 0 || next != before || err != nil {
		t.Errorf("%d records, next %d instead of %d, %v", len(found), next, before, err)
	}
}

func TestGetEvent(t *testing.T) {
	r := newRig(t)
	r.router.rules = map[string][]*adminv1.RuleResult{"lab": {{Rule: "to-ops", Verdict: adminv1.Verdict_VERDICT_MATCHED}}}
	secret := to("ops")
	secret.Arguments, secret.Sensitive, secret.OrderKey = []byte(`{"text":"hi","auth":{"token":"CANARY","user":"u"}}`), "auth.token", "k"
	seq := r.store(given{source: "lab", typ: "s3.object.created", deliveries: []journal.NewDelivery{secret, to("mail")}})[0]
	r.settle("ops", 1, journal.Settlement{Outcome: journal.Retry, Error: "refused"})
	r.settle("ops", 1, journal.Settlement{Outcome: journal.Done, Receipt: "sent"})

	var got adminv1.GetEventResponse
	r.ask("GetEvent", &adminv1.GetEventRequest{Number: seq}, &got)
	id := got.GetEvent().GetId()
	var same adminv1.GetEventResponse
	r.ask("GetEvent", &adminv1.GetEventRequest{Id: id, Source: "lab"}, &same)
	if diff := cmp.Diff(&got, &same, protocmp.Transform()); diff != "" {
		t.Errorf("by id (-by number +by id):\n%s", diff)
	}
	if e := got.GetEvent(); e.GetNumber() != seq || e.GetType() != "s3.object.created" || e.GetState() != adminv1.EventState_EVENT_STATE_PENDING || e.GetReceived() == nil {
		t.Errorf("event %v", e)
	}
	c := got.GetContent()
	if string(c.GetBody()) != `{"body":1}` || c.GetVerifiedBy() != "secret 1" || len(c.GetAttributes()) != 1 {
		t.Errorf("content %v", c)
	}
	var data struct {
		EventName string `json:"event_name"`
		Object    struct {
			Key  string
			Size json.Number
		}
	}
	if err := json.Unmarshal([]byte(c.GetDataJson()), &data); err != nil || data.EventName != "Put" || data.Object.Key != "key" || data.Object.Size != "1152921504606846976" {
		t.Errorf("data %s: %v", c.GetDataJson(), err)
	}
	if len(got.GetDeliveries()) != 2 || len(got.GetRules()) != 1 {
		t.Fatalf("deliveries %v, rules %v", got.GetDeliveries(), got.GetRules())
	}
	d := got.GetDeliveries()[0]
	if d.GetArgumentsJson() != `{"auth":{"token":"(sensitive)","user":"u"},"text":"hi"}` || d.GetOrderKey() != "k" || d.GetGeneration() != 7 {
		t.Errorf("delivery %v", d)
	}
	if d.GetState() != adminv1.DeliveryState_DELIVERY_STATE_DONE || d.GetReceipt() != "sent" || d.GetAttempts() != 2 ||
		len(d.GetFailures()) != 1 || d.GetFailures()[0].GetError() != "refused" {
		t.Errorf("delivery %v", d)
	}
	if got := got.GetDeliveries()[1].GetArgumentsJson(); got != `{"text":"hello"}` {
		t.Errorf("arguments %s", got)
	}
	r.router.err = errors.New("no generation")
	r.ask("GetEvent", &adminv1.GetEventRequest{Number: seq}, &got)
	if len(got.GetRules()) != 0 || len(got.GetDeliveries()) != 2 {
		t.Errorf("without an explanation: %v", &got)
	}
}

func TestEventErrors(t *testing.T) {
	r := newRig(t)
	r.store(given{source: "lab", typ: "t"})
	r.refused("GetEvent", `{}`, "invalid_argument", "by its number or by its id")
	r.refused("GetEvent", `{"number": 1, "id": "e1"}`, "invalid_argument", "by its number or by its id")
	r.refused("GetEvent", `{"number": 99}`, "not_found", "event 99: not found")
	r.refused("GetEvent", `{"number": -1}`, "not_found", "not found")
	r.refused("GetEvent", `{"source": "lab", "id": "none"}`, "not_found", `"none"`)
	r.refused("ExplainEvent", `{"number": 99}`, "not_found", "event 99")
	r.refused("ListEvents", `{"page_size": -1}`, "invalid_argument", "from 1 to 1000")
	r.refused("ListEvents", `{"page_size": 1001}`, "invalid_argument", "from 1 to 1000")
	r.refused("ListEvents", `{"filter": {"state": 77}}`, "invalid_argument", "filter.state 77")
	r.refused("ListEvents", `{"filter": {"sorce": "lab"}}`, "invalid_argument", `unknown field "sorce"`)
	r.refused("ListEvents", `{"filter": {"since": "yesterday"}}`, "invalid_argument", "Timestamp value")
	r.refused("ListEvents", `{"filter": {"match": "("}}`, "invalid_argument", "column 1")
	r.refused("ListEvents", `{"filter": {"match": "`+strings.Repeat("x", maxMatchBytes+1)+`"}}`, "invalid_argument", "are allowed")
	r.router.err = fmt.Errorf("%w: no rule is called big", ErrNotFound)
	r.refused("ExplainEvent", `{"number": 1, "rule": "big"}`, "not_found", "no rule is called big")
}

// TestPageTokens checks that a token is of use in its own list only.
func TestPageTokens(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to("ops")}})
	}
	r.settle("ops", 5, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected})
	var events adminv1.ListEventsResponse
	r.ask("ListEvents", &adminv1.ListEventsRequest{PageSize: 2, Filter: &adminv1.EventFilter{Source: "lab"}}, &events)
	var dead adminv1.RetryDeliveriesResponse
	r.ask("RetryDeliveries", &adminv1.RetryDeliveriesRequest{PageSize: 2, All: true, DryRun: true}, &dead)
	if events.GetNextPageToken() == "" || dead.GetNextPageToken() == "" {
		t.Fatal("no tokens")
	}
	const text = "page_token belongs to another list: begin without one"
	for name, bad := range map[string]struct{ method, body string }{
		"another filter":        {"ListEvents", `{"filter": {"source": "labs"}, "page_token": "` + events.GetNextPageToken() + `"}`},
		"no filter":             {"ListEvents", `{"page_token": "` + events.GetNextPageToken() + `"}`},
		"another list":          {"ListDeliveries", `{"filter": {"source": "lab"}, "page_token": "` + events.GetNextPageToken() + `"}`},
		"dry run, then not":     {"RetryDeliveries", `{"all": true, "page_token": "` + dead.GetNextPageToken() + `"}`},
		"retry, then drop":      {"DropDeliveries", `{"all": true, "dry_run": true, "page_token": "` + dead.GetNextPageToken() + `"}`},
		"garbage":               {"ListEvents", `{"page_token": "garbage"}`},
		"no base64":             {"ListEvents", `{"page_token": "?"}`},
		"cut":                   {"ListEvents", `{"filter": {"source": "lab"}, "page_token": "` + events.GetNextPageToken()[:8] + `"}`},
		"of rooms":              {"ListRooms", `{"page_token": "` + events.GetNextPageToken() + `"}`},
		"position is no number": {"ListEvents", `{"page_token": "` + listOf(&adminv1.ListEventsRequest{}).token("x") + `"}`},
		"position is negative":  {"ListEvents", `{"page_token": "` + listOf(&adminv1.ListEventsRequest{}).token("-1") + `"}`},
	} {
		t.Run(name, func(t *testing.T) { r.refused(bad.method, bad.body, "invalid_argument", text) })
	}
	if got, err := r.journal.Stats(t.Context()); err != nil || got.Plugins["ops"].Dead != 5 {
		t.Errorf("something changed: %v %v", got, err)
	}
}

// FuzzPageToken looks for tokens that break the reader, and for a token of one list that another one takes.
func FuzzPageToken(f *testing.F) {
	mine, other := listOf(&adminv1.ListEventsRequest{}), listOf(&adminv1.ListRoomsRequest{})
	f.Add(mine.token("1"), "1")
	f.Add(mine.token("1")[:4]+"\n"+mine.token("1")[4:], "1")
	f.Add(other.token("9223372036854775807"), "-1")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, token, position string) {
		if got, ok := mine.position(token); ok && mine.token(got) != token {
			t.Errorf("%q has position %q, whose token is %q", token, got, mine.token(got))
		}
		if _, ok := other.position(token); ok {
			if _, ok := mine.position(token); ok {
				t.Errorf("two lists take %q", token)
			}
		}
		p := page{list: mine, after: position}
		if n, err := p.before(); err == nil && n < 0 {
			t.Errorf("position %q is %d", position, n)
		}
		got, ok := mine.position(mine.token(position))
		if ok != (position != "") || got != position {
			t.Errorf("position %q became %q, %v", position, got, ok)
		}
	})
}

func TestQuarantinedEvent(t *testing.T) {
	r := newRig(t)
	seqs := r.store(given{source: "lab", typ: "quarantined", quarantine: "no JSON: CANARY", sensitive: true}, given{source: "lab", typ: "quarantined", quarantine: "no JSON: x"})
	for i, want := range []string{"(sensitive)", "no JSON: x"} {
		var got adminv1.GetEventResponse
		r.ask("GetEvent", &adminv1.GetEventRequest{Number: seqs[i]}, &got)
		if e := got.GetEvent(); e.GetQuarantineReason() != want || e.GetState() != adminv1.EventState_EVENT_STATE_QUARANTINED || got.GetContent().GetDataJson() != "" {
			t.Errorf("%v, want %q", &got, want)
		}
	}
	_, body := r.call("GetEvent", fmt.Sprintf(`{"number": %d}`, seqs[1]))
	if !strings.Contains(body, base64.StdEncoding.EncodeToString([]byte(`{"body":1}`))) {
		t.Errorf("the body of a quarantined event is missing: %s", body)
	}
}
