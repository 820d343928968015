package admin

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	"github.com/pointsman/pointsman/proto/pointsman/admin/v1/adminv1connect"
)

// fakePlan is a comparison that notes which events it gets. The one of slow.hcl says that it has begun and waits for compare.
type fakePlan struct {
	recorded bool
	begun    func()
	mu       sync.Mutex
	events   []string
}

func (f *fakeRouter) Plan(_ context.Context, req *adminv1.StreamPlanRequest) (Comparison, []*adminv1.Diagnostic, error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	if req.GetFiles()[0].GetName() == "wrong.hcl" {
		return nil, []*adminv1.Diagnostic{{Severity: "error", Summary: "Wrong"}}, nil
	}
	p := &fakePlan{recorded: req.GetFiles()[0].GetName() == "recorded.hcl", begun: func() {}}
	if req.GetFiles()[0].GetName() == "slow.hcl" {
		p.begun = sync.OnceFunc(func() { close(f.comparing); <-f.compare })
	}
	return p, []*adminv1.Diagnostic{{Severity: "warning"}}, nil
}

func (p *fakePlan) Recorded() bool { return p.recorded }

func (p *fakePlan) Add(events []journal.EventRecord) error {
	p.begun()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		text := fmt.Sprint(e.Seq)
		for _, d := range e.Deliveries {
			text += " " + d.Plugin
		}
		p.events = append(p.events, text)
	}
	return nil
}

func (p *fakePlan) Result(event func(int64) (*journal.EventRecord, error)) (*adminv1.PlanResult, error) {
	slices.Sort(p.events)
	out := &adminv1.PlanResult{Events: int64(len(p.events))}
	for _, text := range p.events {
		out.Changes = append(out.Changes, &adminv1.PlannedChange{Rule: text})
	}
	_, err := event(1)
	return out, err
}

// TestPlanPages checks that the events of a plan come in pages. What the router makes of them is tested in core/app.
func TestPlanPages(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.store(given{source: "lab", typ: "wanted"})
	}
	req := &adminv1.PlanRequest{Files: []*adminv1.ConfigFile{{Name: "a.hcl"}}, PageSize: 2}
	var events int32
	for {
		var page adminv1.PlanResponse
		r.ask("Plan", req, &page)
		events += page.GetEvents()
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if events != 5 {
		t.Errorf("%d events, want 5", events)
	}
	r.refused("Plan", `{"files": [{"name": "a.hcl"}], "filter": {"match": "("}}`, "invalid_argument", "column 1")
}

// TestStreamPlan takes all events through one comparison, each once.
func TestStreamPlan(t *testing.T) {
	r := newRig(t)
	var want, recorded []string
	for i := range 2500 {
		e := given{source: "lab", typ: "t"}
		text := fmt.Sprint(i + 1)
		if i%3 == 0 {
			e.deliveries = []journal.NewDelivery{to("ops"), to("mail")}
		}
		if i%10 == 9 {
			e.source = "other"
			r.store(e)
			continue
		}
		r.store(e)
		want = append(want, text)
		if i%3 == 0 {
			text += " ops mail"
		}
		recorded = append(recorded, text)
	}
	slices.Sort(want)
	slices.Sort(recorded)
	client := adminv1connect.NewAdminServiceClient(r.http, "http://localhost")
	plan := func(file string, f *adminv1.EventFilter) (*adminv1.PlanResult, error) {
		stream, err := client.StreamPlan(t.Context(), connect.NewRequest(&adminv1.StreamPlanRequest{Files: []*adminv1.ConfigFile{{Name: file}}, Filter: f}))
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		for stream.Receive() {
			if p := stream.Msg().GetProgress(); p.GetDone() < 0 || p.GetDone() > 1 || p.GetEvents() > 2500 {
				t.Errorf("progress %v", p)
			}
			if result := stream.Msg().GetResult(); result != nil {
				return result, nil
			}
		}
		return nil, stream.Err()
	}
	for file, events := range map[string][]string{"a.hcl": want, "recorded.hcl": recorded} {
		result, err := plan(file, &adminv1.EventFilter{Source: "lab"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range result.GetChanges() {
			got = append(got, c.GetRule())
		}
		if !slices.Equal(got, events) || len(result.GetDiagnostics()) != 1 {
			t.Errorf("%s: %d events, want %d", file, len(got), len(events))
		}
	}
	if result, err := plan("wrong.hcl", nil); err != nil || len(result.GetDiagnostics()) != 1 || result.GetEvents() != 0 {
		t.Errorf("mistakes: %v, %v", result, err)
	}
	if _, err := plan("a.hcl", &adminv1.EventFilter{Match: "("}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a wrong filter: %v", err)
	}
	first := make(chan error, 1)
	go func() { _, err := plan("slow.hcl", nil); first <- err }()
	<-r.router.comparing
	if _, err := plan("a.hcl", nil); connect.CodeOf(err) != connect.CodeAborted {
		t.Errorf("a second plan at a time: %v", err)
	}
	close(r.router.compare)
	if err := <-first; err != nil {
		t.Errorf("the first of two plans: %v", err)
	}
	r.router.err = fmt.Errorf("%w: no", ErrInvalid)
	if _, err := plan("a.hcl", nil); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a plan that fails: %v", err)
	}
}

// TestProgressIsByTime checks the estimate of a plan that begins at a time, and of one over everything.
func TestProgressIsByTime(t *testing.T) {
	now := time.Unix(1000, 0)
	events := []journal.EventRecord{{Seq: 100, Received: now}, {Seq: 80, Received: now.Add(-20 * time.Second)}}
	for _, c := range []struct {
		since time.Time
		want  float64
	}{{time.Time{}, 0.1}, {now.Add(-40 * time.Second), 0.5}, {now.Add(-10 * time.Second), 1}} {
		p := planProgress{stored: 200, since: c.since}
		if !p.add(events) || p.add(nil) {
			t.Error("it is time for one message")
		}
		if m := p.message(); m.GetDone() != c.want || m.GetEvents() != 2 {
			t.Errorf("since %v: %v, want %v", c.since, m, c.want)
		}
	}
}
