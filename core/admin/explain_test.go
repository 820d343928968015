package admin

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// The answer has what rules say, and with a recorded event what became of it. Rules that do not see the event are listed only on
// request.
func TestExplainEvent(t *testing.T) {
	r := newRig(t)
	r.router.rules = map[string][]*adminv1.RuleResult{"lab": {
		{Rule: "to-ops", Verdict: adminv1.Verdict_VERDICT_MATCHED}, {Rule: "big", Skipped: "only for source bucket"},
	}}
	seq := r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to("ops")}})[0]
	envelope, err := proto.Marshal(&pointsmanv1.Envelope{Source: "lab", Id: "new", Type: "t"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		req               *adminv1.ExplainEventRequest
		rules, deliveries int
	}{
		"recorded":      {&adminv1.ExplainEventRequest{Number: seq}, 1, 1},
		"with skipped":  {&adminv1.ExplainEventRequest{Number: seq, Skipped: true}, 2, 1},
		"named rule":    {&adminv1.ExplainEventRequest{Number: seq, Rule: "big"}, 2, 1}, // the router chooses by name
		"not recorded":  {&adminv1.ExplainEventRequest{Envelope: envelope, Skipped: true}, 2, 0},
		"event in show": {nil, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var got adminv1.ExplainEventResponse
			if c.req == nil {
				var shown adminv1.GetEventResponse
				r.ask("GetEvent", &adminv1.GetEventRequest{Number: seq}, &shown)
				got.Event, got.Rules, got.Deliveries = shown.GetEvent(), shown.GetRules(), shown.GetDeliveries()
			} else {
				r.ask("ExplainEvent", c.req, &got)
			}
			if len(got.GetRules()) != c.rules || len(got.GetDeliveries()) != c.deliveries || got.GetEvent().GetSource() != "lab" {
				t.Errorf("got %v", &got)
			}
		})
	}
	r.refused("ExplainEvent", `{"envelope": "AAAA"}`, "invalid_argument", "not a pointsman.v1.Envelope with a source")
	r.refused("ExplainEvent", `{"envelope": "AAAA", "number": 1}`, "invalid_argument", "either an envelope")
}
