package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

func (r *rig) deadOf(plugin string) int64 {
	r.Helper()
	stats, err := r.journal.Stats(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return stats.Plugins[plugin].Dead
}

func TestListDeliveries(t *testing.T) {
	r := newRig(t)
	dead := r.deadLetters("ops", 3)
	r.store(given{source: "lab", typ: "pending", deliveries: []journal.NewDelivery{to("ops"), to("mail")}})
	dead0 := adminv1.DeliveryState_DELIVERY_STATE_DEAD
	for name, tt := range map[string]struct {
		filter *adminv1.DeliveryFilter
		want   int
	}{
		"all":                 {nil, 5},
		"plugin":              {&adminv1.DeliveryFilter{Plugin: "ops"}, 4},
		"rule":                {&adminv1.DeliveryFilter{Rule: "to-mail"}, 1},
		"state":               {&adminv1.DeliveryFilter{State: dead0}, 3},
		"match":               {&adminv1.DeliveryFilter{Match: "pending"}, 2},
		"match and plugin":    {&adminv1.DeliveryFilter{Match: "pending", Plugin: "mail"}, 1},
		"ids":                 {&adminv1.DeliveryFilter{Ids: []string{dead[0].ID, dead[2].ID}}, 2},
		"ids of another one":  {&adminv1.DeliveryFilter{Ids: []string{dead[0].ID}, Plugin: "mail"}, 0},
		"ids of other events": {&adminv1.DeliveryFilter{Ids: []string{dead[0].ID}, Match: "pending"}, 0},
		"ids that match":      {&adminv1.DeliveryFilter{Ids: []string{dead[0].ID}, Match: "t"}, 1},
		"ids by reason":       {&adminv1.DeliveryFilter{Ids: []string{dead[0].ID}, Reason: journal.ReasonPoison}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			req := &adminv1.ListDeliveriesRequest{Filter: tt.filter, PageSize: 2}
			seen := 0
			for {
				var page adminv1.ListDeliveriesResponse
				r.ask("ListDeliveries", req, &page)
				seen += len(page.GetDeliveries())
				for _, d := range page.GetDeliveries() {
					if d.GetArgumentsJson() != "" || d.GetFailures() != nil {
						t.Errorf("a list has arguments or failures: %v", d)
					}
				}
				if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
					break
				}
			}
			if seen != tt.want {
				t.Errorf("%d deliveries, want %d", seen, tt.want)
			}
		})
	}
	var one adminv1.GetDeliveryResponse
	r.ask("GetDelivery", &adminv1.GetDeliveryRequest{Id: dead[0].ID}, &one)
	if d := one.GetDelivery(); d.GetReason() != journal.ReasonRejected || d.GetError() != "no such channel" || d.GetArgumentsJson() != `{"text":"hello"}` ||
		d.GetPolicy().GetMaxAge().AsDuration() != journal.DefaultPolicy.MaxAge || len(d.GetFailures()) != 1 || !d.GetFailures()[0].GetFinal() {
		t.Errorf("%v", d)
	}
}

func TestDeliveryFilters(t *testing.T) {
	r := newRig(t)
	r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to("ops")}})
	r.settle("ops", 1, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected})
	r.store(given{source: "room", typ: "t", deliveries: []journal.NewDelivery{to("ops"), to("mail")}})
	r.settle("ops", 1, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonExhausted})
	r.settle("mail", 1, journal.Settlement{Outcome: journal.Done})
	before, after := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for filter, want := range map[string]string{
		`{}`:                                               "2 2 1",
		`{"source": "room"}`:                               "2 2",
		`{"plugin": "ops"}`:                                "2 1",
		`{"rule": "to-mail"}`:                              "2",
		`{"rule": "to-mail", "plugin": "ops"}`:             "",
		`{"state": "DELIVERY_STATE_DEAD"}`:                 "2 1",
		`{"state": "DELIVERY_STATE_DONE"}`:                 "2",
		`{"state": "DELIVERY_STATE_DROPPED"}`:              "",
		`{"reason": "rejected"}`:                           "1",
		`{"reason": "retries_exhausted", "source": "lab"}`: "",
		`{"since": "` + before + `"}`:                      "2 2 1",
		`{"since": "` + after + `"}`:                       "",
		`{"until": "` + before + `"}`:                      "",
		`{"until": "` + after + `", "source": "lab"}`:      "1",
		`{"until": "0001-01-01T00:00:00Z"}`:                "",
		`{"since": "2300-01-01T00:00:00Z"}`:                "",
	} {
		if got := strings.Join(r.list("ListDeliveries", "deliveries", "event_number", filter), " "); got != want {
			t.Errorf("%s: events %q, want %q", filter, got, want)
		}
	}
	if dropped, _ := operations[1].all(r, &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Reason: "rejected"}}, nil); dropped != 1 || r.deadOf("ops") != 1 {
		t.Errorf("%d dropped by reason, %d left", dropped, r.deadOf("ops"))
	}
	if got := r.list("ListDeliveries", "deliveries", "reason", `{"state": "DELIVERY_STATE_DROPPED"}`); len(got) != 1 || got[0] != "rejected" {
		t.Errorf("dropped: %v", got)
	}
	if retried, _ := operations[0].all(r, &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Source: "room"}}, nil); retried != 1 || r.deadOf("ops") != 0 {
		t.Errorf("%d retried by source, %d left", retried, r.deadOf("ops"))
	}
}

// operation is RetryDeliveries or DropDeliveries.
type operation struct {
	method string
	call   func(*rig, *adminv1.RetryDeliveriesRequest) (changed, skipped int32, next string)
}

var operations = []operation{
	{"RetryDeliveries", func(r *rig, req *adminv1.RetryDeliveriesRequest) (int32, int32, string) {
		var page adminv1.RetryDeliveriesResponse
		r.ask("RetryDeliveries", req, &page)
		return page.GetRetried(), page.GetSkipped(), page.GetNextPageToken()
	}},
	{"DropDeliveries", func(r *rig, req *adminv1.RetryDeliveriesRequest) (int32, int32, string) {
		var page adminv1.DropDeliveriesResponse
		r.ask("DropDeliveries", &adminv1.DropDeliveriesRequest{
			Filter: req.GetFilter(), All: req.GetAll(), DryRun: req.GetDryRun(), PageSize: req.GetPageSize(), PageToken: req.GetPageToken(),
		}, &page)
		return page.GetDropped(), 0, page.GetNextPageToken()
	}},
}

// all calls the operation page by page; between is called after each page.
func (o *operation) all(r *rig, req *adminv1.RetryDeliveriesRequest, between func()) (changed, skipped int32) {
	r.Helper()
	for {
		c, s, next := o.call(r, req)
		changed, skipped = changed+c, skipped+s
		if between != nil {
			between()
		}
		if req.PageToken = next; next == "" {
			return changed, skipped
		}
	}
}

func TestRetryAndDrop(t *testing.T) {
	for _, o := range operations {
		t.Run(o.method, func(t *testing.T) {
			r := newRig(t)
			dead := r.deadLetters("ops", 7)
			r.deadLetters("mail", 2)
			steps := []struct {
				name      string
				req       *adminv1.RetryDeliveriesRequest
				want      int32
				ops, mail int64 // dead letters afterwards
			}{
				{"dry run", &adminv1.RetryDeliveriesRequest{All: true, DryRun: true}, 9, 7, 2},
				{"by id", &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Ids: []string{dead[0].ID, dead[1].ID}}}, 2, 5, 2},
				{"by id again", &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Ids: []string{dead[0].ID}}}, 0, 5, 2},
				{"by plugin", &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Plugin: "ops"}}, 5, 0, 2},
				{"what matches nothing", &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Match: "other"}}, 0, 0, 2},
				{"what matches", &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{Match: "t"}}, 2, 0, 0},
				{"nothing is left", &adminv1.RetryDeliveriesRequest{All: true}, 0, 0, 0},
			}
			for _, step := range steps {
				step.req.PageSize = 2
				got, _ := o.all(r, step.req, nil)
				if ops, mail := r.deadOf("ops"), r.deadOf("mail"); got != step.want || ops != step.ops || mail != step.mail {
					t.Errorf("%s: %d, want %d; then %d and %d dead letters, want %d and %d", step.name, got, step.want, ops, mail, step.ops, step.mail)
				}
				if step.req.DryRun && r.log.has("change by an operator") {
					t.Errorf("a dry run is logged as a change: %s", r.log)
				}
			}
			if !r.log.has("level=INFO", "change by an operator", `by="uid `, "deliveries=2") {
				t.Errorf("the log does not tell of it: %s", r.log)
			}
		})
	}
}

// TestRetryOnce checks that a dead letter that dies again between two pages is not retried a second time.
func TestRetryOnce(t *testing.T) {
	r := newRig(t)
	r.deadLetters("ops", 6)
	o := operations[0]
	rounds := 0
	retried, _ := o.all(r, &adminv1.RetryDeliveriesRequest{All: true, PageSize: 2}, func() {
		if rounds++; rounds <= 3 {
			r.settle("ops", 2, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "again"})
		}
	})
	if retried != 6 || r.deadOf("ops") != 6 {
		t.Errorf("%d retried, %d dead; want 6 and 6", retried, r.deadOf("ops"))
	}
}

// TestRuleErrors checks that dead letters without arguments are not retried, but can be dropped.
func TestRuleErrors(t *testing.T) {
	r := newRig(t)
	failed := to("ops")
	failed.Dead, failed.Arguments = "null has no attribute", nil
	r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{failed}})
	r.deadLetters("ops", 1)
	for _, dryRun := range []bool{true, false} {
		if retried, skipped := operations[0].all(r, &adminv1.RetryDeliveriesRequest{All: true, DryRun: dryRun}, nil); retried != 1 || skipped != 1 {
			t.Errorf("dry run %v: %d retried, %d skipped; want 1 and 1", dryRun, retried, skipped)
		}
	}
	if dropped, _ := operations[1].all(r, &adminv1.RetryDeliveriesRequest{All: true}, nil); dropped != 1 || r.deadOf("ops") != 0 {
		t.Errorf("%d dropped, %d dead", dropped, r.deadOf("ops"))
	}
}

func TestSelectorErrors(t *testing.T) {
	r := newRig(t)
	dead := r.deadLetters("ops", 2)
	for _, method := range []string{"RetryDeliveries", "DropDeliveries"} {
		for body, text := range map[string]string{
			`{}`:                         "the filter selects every dead letter: narrow it, or set all = true",
			`{"filter": {}}`:             "set all = true",
			`{"filter": {"ids": []}}`:    "set all = true",
			`{"filter": {"plugin": ""}}`: "set all = true",
			`{"filter": {"state": "DELIVERY_STATE_DEAD"}}`:                      "set all = true",
			`{"filter": {"state": "DELIVERY_STATE_DONE"}, "all": true}`:         "filter.state must be dead or empty",
			`{"filter": {"plugin": "ops", "match": "("}}`:                       "column 1",
			`{"filter": {"plugn": "ops"}, "all": true}`:                         `unknown field "plugn"`,
			`{"all": true, "page_size": 5000}`:                                  "from 1 to 1000",
			`{"filter": {"ids": [` + strings.Repeat(`"x",`, maxPage) + `"x"]}}`: "1000 are allowed",
		} {
			r.refused(method, body, "invalid_argument", text)
		}
		r.refused(method, fmt.Sprintf(`{"filter": {"ids": ["%s", "nobody-1"]}}`, dead[0].ID), "not_found", `delivery "nobody-1"`)
	}
	// A filter of a later version is no empty one.
	later := &adminv1.RetryDeliveriesRequest{Filter: &adminv1.DeliveryFilter{}}
	later.Filter.ProtoReflect().SetUnknown([]byte{0xa0, 0x06, 1})
	if _, err := r.grpc("unix://"+r.socket).RetryDeliveries(t.Context(), later); err == nil || !strings.Contains(err.Error(), "this version does not know") {
		t.Errorf("a filter with an unknown field: %v", err)
	}
	if r.deadOf("ops") != 2 {
		t.Errorf("%d dead letters are left of 2", r.deadOf("ops"))
	}
	r.refused("GetDelivery", `{}`, "not_found", "not found")
	r.refused("GetDelivery", `{"id": "x"}`, "not_found", `delivery "x"`)
}

// TestChangeThatFails checks that the log has it with its error.
func TestChangeThatFails(t *testing.T) {
	r := newRig(t)
	dead := r.deadLetters("ops", 1)
	failing := NewService(ServiceOptions{Journal: r.journal, Operator: failingOperator{}, Router: r.router, Feed: r.feed, Log: newTestLogger(r.log)})
	server := httptest.NewServer(failing.Handler())
	defer server.Close()
	resp, err := http.Post(server.URL+"/pointsman.admin.v1.AdminService/DropDeliveries", "application/json", strings.NewReader(`{"filter": {"ids": ["`+dead[0].ID+`"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", resp.StatusCode)
	}
	if !r.log.has("level=WARN", "change by an operator", `change="drop of dead letters"`, "disk is on fire") {
		t.Errorf("log: %s", r.log)
	}
}

// failingOperator fails at everything.
type failingOperator struct{}

var errOnFire = errors.New("the disk is on fire")

func (failingOperator) Redrive(context.Context, []int64) (int, error) { return 0, errOnFire }
func (failingOperator) Drop(context.Context, []int64) (int, error)    { return 0, errOnFire }
func (failingOperator) Sweep(context.Context) (int, error)            { return 0, errOnFire }
