package rule

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

var hclStart = hcl.InitialPos

// FuzzCompile compiles any expression and runs what compiles: nothing panics, each error has a place and each failure too.
func FuzzCompile(f *testing.F) {
	scope := configOf(f, "").Scope
	for _, seed := range []string{
		`event.data.body.a[0].b == null`, `[for k, v in event.data.body : {(k) = v}...]`, `{for x in event.data.body : x.id => x...}`,
		`event[*].data[*].body[*].x`, `event.data.body.*.a.0.b[*]`, `"%{ for i, x in event.data.body }${i}%{ if x == 1 }a%{ else }b%{ endif }%{ endfor }"`,
		`min(event.data.body...)`, `max([]...)`, `get(event, "data.body", {})`, `length(null)`, `coalesce(null)`, `contains(event.data.body, null)`,
		`-event.data.body`, `!event.data.body`, `event.data.body % 0`, `[][0]`, `{}["a"]`, `null.a`, `null[0]`, `event == event`, `event.attributes == {}`,
		`jsondecode(event.data.text)`, `format("%s %d %v", event.data.body...)`, `substr(event.data.text, -1, event.data.close_code)`, `concat(event.data.body, [1])`,
		`event.data.body ? 1 : "a"`, `event.data.body ? [1] : {}`, `true ? null : null`, `{ a = 1, "b" = 2, (event.id) = 3 }.a`, "<<EOT\n${event.id}\nEOT\n",
		`"\u00e9" == event.data.text`, `event.data["body"]["x y"]`, `event["type"]`, `event[event.id]`, `[event][0].type`, `(event).type`, `event.data.text[0]`,
		`split(event.data.text, event.data.text)`, `replace(event.data.text, "/(/", "x")`, `formatdate("YYYY", event.time)`, `1e999`, `1e308 * 10`, `9223372036854775807 + 1`,
	} {
		f.Add(seed)
	}
	events := fuzzEvents()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "(")+strings.Count(text, "[")+strings.Count(text, "{")+strings.Count(text, "!")+strings.Count(text, "-") > 100 {
			return // config refuses such files
		}
		e, diags := hclsyntax.ParseExpression([]byte(text), "fuzz.hcl", hclStart)
		if diags.HasErrors() {
			return
		}
		event := newEventType("websocket")
		c := &compiler{event: event.root, scope: scope, source: func(r hcl.Range) string { return "source" }}
		x := c.compile(e)
		if (x == nil) != c.diags.HasErrors() {
			t.Fatalf("expression: %v, errors: %v", x, c.diags)
		}
		for _, d := range c.diags {
			if d.Subject == nil || d.Context == nil || d.Detail == "" {
				t.Fatalf("incomplete diagnostic %+v", d)
			}
		}
		if x == nil {
			return
		}
		for _, env := range events {
			run(t, x, event, env)
		}
	})
}

func run(t *testing.T, x *expr, event *eventType, env *pointsmanv1.Envelope) {
	f := newFrame(env, event)
	defer f.release()
	v := x.val(f)
	if f.err != nil {
		if f.failureAt(x.at).Error() == "" {
			t.Fatal("failure without text")
		}
		return
	}
	appendValue(nil, v)
	ok := true
	switch {
	case x.boolean != nil:
		ok = v.kind == boolean && x.boolean(f) == v.bool()
	case x.number != nil:
		ok = v.kind == numeric && x.number(f) == v.num
	case x.text != nil:
		ok = v.kind == text && x.text(f) == v.str
	}
	if !ok {
		t.Fatalf("the value is %s, the typed closure has another one", show(v))
	}
}

func fuzzEvents() []*pointsmanv1.Envelope {
	envelope := func(body string) *pointsmanv1.Envelope {
		return &pointsmanv1.Envelope{Id: "1", Type: "t", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
			Text: "hello \u00e9", Room: "a", Body: &pointsmanv1.Json{Text: []byte(body)},
		}}}
	}
	return []*pointsmanv1.Envelope{
		{},
		envelope(""), envelope("{"), envelope("3"), envelope(`"a"`), envelope("true"), envelope(`[1, "a", null, {"id": "x"}]`),
		envelope(`{"a": [{"b": 1}], "x": {"id": 1}, "y": null}`),
	}
}
