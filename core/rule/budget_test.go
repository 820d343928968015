package rule

import (
	"fmt"
	"strings"
	"testing"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestWorkIsBounded gives rules that grow with the square of an event, or worse, an event that is as large as it may be. That
// the test ends is part of what it tests.
func TestWorkIsBounded(t *testing.T) {
	expressions := []string{
		`"${length([for x in event.data.body.l : [for y in event.data.body.l : x]])}"`,
		`"${length([for x in event.data.body.l : x if contains(event.data.body.l, -1)])}"`,
		`"${length([for list in [[for x in event.data.body.l : x]] : [for x in list : x if contains(list, -1)]])}"`,
		`"${length([for x in event.data.body.l : event.data.body.l[x + 19998]])}"`,
		`"${length([for x in event.data.body.l : event.data.body.o["nope${x}"]])}"`,
		`join("", [for x in event.data.body.l : event.data.text])`,
		`"${length([for x in event.data.body.l : upper(event.data.text)])}"`,
		`"${length([for x in event.data.body.l : x if matches("b+$", event.data.text)])}"`,
		`"${length([for x in event.data.body.l : "${event.data.text}${x}"])}"`,
		`"%{ for x in event.data.body.l }${event.data.text}%{ endfor }"`,
		`replace(event.data.text, "a", event.data.text)`,
		`jsonencode([for x in event.data.body.l : event.data])`,
		`"${length([for x in event.data.body.l : jsonencode(event.data.body)])}"`,
		`"${length(jsonencode({ for i, x in event.data.body.l : i => event.data.text }))}"`,
		`"${length([for x in event.data.body.l : concat(event.data.body.l, [x])])}"`,
		`"${length([for x in event.data.body.l : format("%s%s", event.data.text, x)])}"`,
		`"${length([for x in event.data.body.l : jsondecode(jsonencode(event.data.body.l))])}"`,
		`"${length([for x in event.data.body.l : [for y in event.data.body.l : (x + 18446744073709551615) * 1.5]])}"`,
	}
	var rules strings.Builder
	for i, e := range expressions {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [\"chat\"]\n when = true\n dispatch \"ops\" { text = %s }\n}\n", i, e)
	}
	rules.WriteString("rule \"any\" {\n on = [\"chat\"]\n when = true\n dispatch \"all\" { any = [for x in event.data.body.l : event.data] }\n}\n")
	set := setOf(t, rules.String())
	numbers := strings.Repeat("1,", 20_000)
	members := &strings.Builder{}
	for i := range 20_000 {
		fmt.Fprintf(members, `"m%d":0,`, i)
	}
	body := fmt.Sprintf(`{"l":[%s1],"o":{%s"z":0}}`, numbers, members)
	env := &pointsmanv1.Envelope{Source: "chat", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
		Text: strings.Repeat("a", 200_000), Body: &pointsmanv1.Json{Text: []byte(body)},
	}}}
	deliveries := set.Match(env)
	if len(deliveries) != len(expressions)+1 {
		t.Fatalf("%d deliveries", len(deliveries))
	}
	for i, d := range deliveries {
		if d.Err == nil {
			t.Errorf("%s: no error, %d bytes of arguments", append(expressions, "any")[i], len(d.Arguments))
		}
	}
}

// TestBudgetOfEachRule: what the rules before read does not count for the budget of a rule.
func TestBudgetOfEachRule(t *testing.T) {
	reads := strings.Repeat("contains(event.data.body.l, -1) || ", 60) + "false"
	var rules strings.Builder
	for i, when := range []string{reads, reads, "anytrue([for i in [1] : event.data.body.x == i])"} {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [\"chat\"]\n when = %s\n dispatch \"ops\" { text = \"x\" }\n}\n", i, when)
	}
	set := setOf(t, rules.String())
	env := &pointsmanv1.Envelope{Source: "chat", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
		Body: &pointsmanv1.Json{Text: []byte(`{"x":1,"l":[` + strings.Repeat("1,", 20_000) + "1]}")},
	}}}
	matched := set.Match(env)
	if got := outcomes(matched); len(got) != 1 || matched[0].Err != nil {
		t.Errorf("%v, want r2", got)
	}
	explainAgrees(t, set, env, matched)
}
