package admin

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func TestMaskArguments(t *testing.T) {
	for name, tt := range map[string]struct{ arguments, names, want string }{
		"nothing sensitive":           {`{"b": 1, "a": 2}`, "", `{"b": 1, "a": 2}`},
		"one":                         {`{"token":"x","text":"<y>"}`, "token", `{"text":"<y>","token":"(sensitive)"}`},
		"several, one of them absent": {`{"a":"x","b":[1,2],"c":3}`, "a b z", `{"a":"(sensitive)","b":"(sensitive)","c":3}`},
		"in a block":                  {`{"auth":{"token":"x","user":"u"}}`, "auth.token", `{"auth":{"token":"(sensitive)","user":"u"}}`},
		"in each of many blocks":      {`{"h":[{"v":"x","n":1},{"v":"y"},{"n":2}]}`, "h.v", `{"h":[{"n":1,"v":"(sensitive)"},{"v":"(sensitive)"},{"n":2}]}`},
		"in a block of a block":       {`{"a":{"b":[{"c":"x"}]}}`, "a.b.c", `{"a":{"b":[{"c":"(sensitive)"}]}}`},
		"a whole block":               {`{"auth":{"token":"x"}}`, "auth", `{"auth":"(sensitive)"}`},
		"not a block after all":       {`{"auth":"x"}`, "auth.token", `{"auth":"(sensitive)"}`},
		"a list of other things":      {`{"auth":["x",{"token":"y"}]}`, "auth.token", `{"auth":"(sensitive)"}`},
		"no block":                    {`{"auth":null,"h":[]}`, "auth.token h.v", `{"auth":"(sensitive)","h":[]}`},
		"numbers stay":                {`{"n":12345678901234567890.10,"t":1}`, "t", `{"n":12345678901234567890.10,"t":"(sensitive)"}`},
		"no arguments":                {``, "token", ``},
		"no object":                   {`["x"]`, "token", ``},
		"no JSON":                     {`{"token":"x`, "token", ``},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MaskArguments([]byte(tt.arguments), tt.names); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestIsSensitive(t *testing.T) {
	for want, e := range map[bool]*pointsmanv1.Envelope{
		false: {Id: "x", Body: []byte("\x70\x01"), TimeUnixNano: 1, HopCount: 3, Data: &pointsmanv1.Envelope_Json{Json: &pointsmanv1.Json{}}},
		true:  {Id: "x", Body: []byte("y"), Sensitive: true, TimeUnixNano: 1, Data: &pointsmanv1.Envelope_Json{Json: &pointsmanv1.Json{}}},
	} {
		b, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := journal.IsSensitive(b); got != want {
			t.Errorf("%v: %v", e, got)
		}
	}
	if journal.IsSensitive(nil) || !journal.IsSensitive([]byte{0x0a, 0xff}) || !journal.IsSensitive([]byte{0x07}) {
		t.Error("an empty envelope is sensitive, or a broken one is not")
	}
}

// TestSensitiveStaysInside searches every answer and the log for what a source or a plugin calls sensitive.
func TestSensitiveStaysInside(t *testing.T) {
	const canary = "CANARY"
	r := newRig(t)
	r.router.rules = map[string][]*adminv1.RuleResult{"vault": {{
		Rule: "to-ops", Error: "no number: " + canary,
		Clauses:    []*adminv1.Clause{{Operator: "||", Parts: []*adminv1.Clause{{Reads: []*adminv1.Read{{Text: "event.data", ValueJson: canary}}}}}},
		Deliveries: []*adminv1.PlannedDelivery{{Plugin: "ops", ArgumentsJson: `{"text":"` + canary + `"}`, OrderKey: canary, Error: canary}},
	}}}
	fromContent := to("ops") // its arguments repeat the content of a sensitive event
	fromContent.Arguments, fromContent.OrderKey = []byte(`{"text":"`+canary+`","list":["`+canary+`"]}`), canary
	failed := to("ops")
	failed.Arguments, failed.Dead = nil, "no number: "+canary
	envelope, err := proto.Marshal(&pointsmanv1.Envelope{
		Id: "secret", Source: "vault", Type: "t", Body: []byte(canary), Sensitive: true,
		Attributes: []*pointsmanv1.Attribute{{Name: canary, Value: canary}},
		Data:       &pointsmanv1.Envelope_Json{Json: &pointsmanv1.Json{Text: []byte(`"` + canary + `"`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := r.journal.Append(t.Context(), journal.Disk, []journal.Entry{{
		Source: "vault", ID: "secret", Type: "t", Keys: []journal.Key{{Value: "secret"}}, Envelope: envelope, Deliveries: []journal.NewDelivery{fromContent, failed},
	}})
	if err != nil {
		t.Fatal(err)
	}
	secretArgument := to("mail") // the plugin calls an argument sensitive
	secretArgument.Arguments, secretArgument.Sensitive = []byte(`{"to":"me","login":[{"password":"`+canary+`"}]}`), "login.password"
	other := r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{secretArgument}})[0]
	ops := r.settle("ops", 1, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "refused"})[0]
	mail := r.settle("mail", 1, journal.Settlement{Outcome: journal.Dead, Reason: journal.ReasonRejected, Error: "refused"})[0]

	stream, _ := r.tail(&adminv1.TailEventsRequest{})
	r.feed.EventStored(stored[0].Seq)
	r.feed.DeliverySettled(ops.Seq)
	for range 2 {
		if m := r.next(stream); strings.Contains(m.String(), canary) {
			t.Errorf("TailEvents: %v", m)
		}
	}
	var event adminv1.GetEventResponse
	r.ask("GetEvent", &adminv1.GetEventRequest{Number: stored[0].Seq}, &event)
	if !event.GetContent().GetSensitive() || len(event.GetRules()) != 1 || len(event.GetDeliveries()) != 2 {
		t.Errorf("%v", &event)
	}
	if got, want := event.GetDeliveries()[0].GetArgumentsJson(), `{"list":"(sensitive)","text":"(sensitive)"}`; got != want {
		t.Errorf("arguments %s, want %s", got, want)
	}
	for _, call := range []struct{ method, body string }{
		{"GetEvent", fmt.Sprintf(`{"number": %d}`, stored[0].Seq)},
		{"GetEvent", `{"source": "vault", "id": "secret"}`},
		{"GetEvent", fmt.Sprintf(`{"number": %d}`, other)},
		{"ExplainEvent", fmt.Sprintf(`{"number": %d}`, stored[0].Seq)},
		{"ExplainEvent", fmt.Sprintf(`{"envelope": %q}`, base64.StdEncoding.EncodeToString(envelope))},
		{"ListEvents", `{}`},
		{"ListDeliveries", `{}`},
		{"ListDeliveries", `{"filter": {"ids": ["` + ops.ID + `", "` + mail.ID + `"]}}`},
		{"GetDelivery", `{"id": "` + ops.ID + `"}`},
		{"GetDelivery", `{"id": "` + mail.ID + `"}`},
		{"ReplayEvents", `{"all": true, "dry_run": true}`},
		{"ReplayEvents", fmt.Sprintf(`{"number": %d}`, other)},
		{"RetryDeliveries", `{"all": true}`},
		{"DropDeliveries", `{"all": true}`},
		{"GetStatus", `{}`},
		{"ListPlugins", `{}`},
	} {
		status, answer := r.call(call.method, call.body)
		if status != 200 {
			t.Errorf("%s %s: %d %s", call.method, call.body, status, answer)
		}
		if strings.Contains(answer, canary) || strings.Contains(answer, "Q0FOQVJZ") { // base64, as JSON has bytes
			t.Errorf("%s %s: %s", call.method, call.body, answer)
		}
	}
	if strings.Contains(r.log.String(), canary) {
		t.Errorf("log: %s", r.log)
	}
}
