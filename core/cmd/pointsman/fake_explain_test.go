package main

import (
	"context"
	"fmt"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// ExplainEvent explains event 43, and what is not recorded.
func (r *fakeRouter) ExplainEvent(_ context.Context, req *connect.Request[adminv1.ExplainEventRequest]) (*connect.Response[adminv1.ExplainEventResponse], error) {
	resp := &adminv1.ExplainEventResponse{Generation: 41, Rules: fakeRules()}
	switch {
	case len(req.Msg.GetEnvelope()) > 0:
		env := new(pointsmanv1.Envelope)
		if err := proto.Unmarshal(req.Msg.GetEnvelope(), env); err != nil {
			return nil, err
		}
		resp.Event = &adminv1.Event{Source: env.GetSource(), Id: env.GetId(), Type: env.GetType()}
	case req.Msg.GetNumber() == 43, req.Msg.GetId() == "d41cd3e1":
		resp.Event, resp.Deliveries = fakeEvents[0], fakeHistory().Deliveries
	default:
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no such event"))
	}
	if only := req.Msg.GetRule(); only != "" {
		resp.Rules = slices.DeleteFunc(resp.Rules, func(x *adminv1.RuleResult) bool { return x.GetRule() != only })
		resp.Deliveries = slices.DeleteFunc(resp.Deliveries, func(d *adminv1.Delivery) bool { return d.GetRule() != only })
	}
	return connect.NewResponse(resp), nil
}

// fakeRules are results of each kind.
func fakeRules() []*adminv1.RuleResult {
	yes, no, fails := adminv1.Verdict_VERDICT_MATCHED, adminv1.Verdict_VERDICT_NOT_MATCHED, adminv1.Verdict_VERDICT_FAILED
	read := func(text, value string) []*adminv1.Read {
		return []*adminv1.Read{{Text: text, Presence: adminv1.Presence_PRESENCE_PRESENT, ValueJson: value}}
	}
	return []*adminv1.RuleResult{
		{
			Rule: "measurement-done", Position: "rules/ops.hcl:3", Verdict: yes,
			Clauses: []*adminv1.Clause{{
				Text: `event.data.action == "completed"`, Line: 4, Verdict: yes, Reads: read("event.data.action", `"completed"`),
			}},
			Deliveries: []*adminv1.PlannedDelivery{{Plugin: "mail", ArgumentsJson: `{"to":["ops@example.com"]}`}, {Plugin: "ops", ArgumentsJson: `{"text":"done"}`, OrderKey: "lab"}},
		},
		{
			Rule: "new", Position: "rules/ops.hcl:40", Verdict: no, LeftOut: "event.data.extra.size > 10 * mb",
			Clauses: []*adminv1.Clause{
				{
					Text: `event.data.action == "created" || event.subject != ""`, Line: 41, Verdict: yes, Operator: "||",
					Parts: []*adminv1.Clause{
						{Text: `event.data.action == "created"`, Line: 41, Verdict: no, Reads: read("event.data.action", `"completed"`)},
						{Text: `event.subject != ""`, Line: 41, Verdict: yes, Reads: read("event.subject", `"1a14f158"`)},
						{Text: `tonumber(event.subject) > 1`, Line: 41, Skipped: true, Reads: read("event.subject", `"1a14f158"`)},
					},
				},
				{
					Text: "event.data.extra.size > 10 * mb", Line: 42, Verdict: no, Reads: []*adminv1.Read{
						{Text: "event.data.extra.size", Presence: adminv1.Presence_PRESENCE_MISSING, Because: "event.data.extra is not set"},
						{Text: "10 * mb", Presence: adminv1.Presence_PRESENCE_PRESENT, ValueJson: "10485760"},
					},
				},
				{Text: `event.data.extra.name == null`, Line: 43, Verdict: yes, Skipped: true, Reads: []*adminv1.Read{{Text: "event.data.extra.name", Presence: adminv1.Presence_PRESENCE_NULL}}},
			},
		},
		{
			Rule: "shout", Position: "rules/ops.hcl:20", Verdict: fails, Error: "rules/ops.hcl:22:3: null in a template",
			Clauses:    []*adminv1.Clause{{Text: `"${event.time}" == "x"`, Line: 22, Verdict: fails, Reads: []*adminv1.Read{{Text: "event.time", Presence: adminv1.Presence_PRESENCE_NOT_SET}}}},
			Deliveries: []*adminv1.PlannedDelivery{{Plugin: "ops", Error: "rules/ops.hcl:22:3: null in a template"}},
		},
		{Rule: "trial", Position: "rules/ops.hcl:50", Verdict: yes, Shadow: true, Deliveries: []*adminv1.PlannedDelivery{{Plugin: "ops", ArgumentsJson: `{"text":"done"}`}}},
		{Rule: "rest", Position: "rules/ops.hcl:60", Verdict: yes, TakenBy: "measurement-done"},
		{Rule: "some", Position: "rules/ops.hcl:70", Verdict: yes, SampledOut: true},
		{Rule: "uploads", Position: "rules/s3.hcl:1", Skipped: "only for source bucket"},
		{Rule: "off", Position: "rules/s3.hcl:9", Skipped: "enabled = false"},
	}
}
