package rule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// HCL's evaluator is the oracle: expressions over what both treat alike (nothing missing, no null, nothing that fails, no -0,
// which HCL tells from 0 when it writes it) must have the same value. The expression and the event are made from random bytes.

// TestAgree is FuzzAgree over bytes that are the same in every run.
func TestAgree(t *testing.T) {
	scope := configOf(t, "").Scope
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		data := make([]byte, 200)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		agree(t, scope, data)
	}
}

func FuzzAgree(f *testing.F) {
	scope := configOf(f, "").Scope
	for i := range 20 {
		f.Add([]byte(strings.Repeat(string(rune('a'+i))+"\x00\x07", 20)))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, scope, data) })
}

func agree(t *testing.T, scope *hcl.EvalContext, data []byte) {
	g := &generator{data: data}
	env := g.event()
	text := g.any(5)
	e, diags := hclsyntax.ParseExpression([]byte(text), "agree.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %s", text, diags)
	}
	ctx := scope.NewChild()
	ctx.Variables = map[string]cty.Value{"event": ctyEvent(env)}
	v, diags := e.Value(ctx)
	if diags.HasErrors() {
		t.Fatalf("the generator made what HCL refuses: %s: %s", text, diags)
	}
	want, err := fromCty(v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evaluate(scope, e, text, env)
	if err != nil {
		t.Fatalf("%s: HCL has %s, and here: %v", text, show(want), err)
	}
	if !equal(got, want) {
		t.Fatalf("%s: got %s, HCL has %s\nevent: %v", text, show(got), show(want), env)
	}
}

// evaluate compiles and runs one expression. What it returns does not refer to the frame.
func evaluate(scope *hcl.EvalContext, e hclsyntax.Expression, text string, env *pointsmanv1.Envelope) (value, error) {
	event := newEventType(env.GetKind())
	c := &compiler{event: event.root, scope: scope, source: func(r hcl.Range) string { return string(r.SliceBytes([]byte(text))) }}
	x := c.compile(e)
	if x == nil {
		return value{}, c.diags
	}
	f := newFrame(env, event)
	defer f.release()
	f.work = 0
	v := x.val(f)
	if f.err != nil {
		return value{}, f.err
	}
	return fromCty(toCty(v))
}

// generator makes expressions and events from bytes; zero bytes when there are no more.
type generator struct {
	data  []byte
	loops int
	// numbers, texts, bools and lists are what the event's data holds.
	numbers, texts, bools, lists []string
}

func (g *generator) n(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := int(g.data[0])
	g.data = g.data[1:]
	return b % n
}

func pick[T any](g *generator, from ...T) T { return from[g.n(len(from))] }

var words = []string{"", "a", "photos/", "photos/2026/x.jpg", "café", "cafe\u0301", "ÅNGSTRÖM", "\u212b", "日本語", "Kelvin \u212a", "tab\tquote\"", "${}", "x-y-z", "s3.object.created", "12", "  pad "}

func (g *generator) event() *pointsmanv1.Envelope {
	word := func() string { return pick(g, words...) }
	size := int64(g.n(256)) * 37
	body := fmt.Sprintf(`{"n": %d, "big": %d8446744073709551615, "long": -0.1234567890123456789%d, "f": %d.25, "s": %q, "b": %t, "l": ["x", %q], "ns": [1, %d, 3], "o": {"k": {"deep": %q}}}`,
		g.n(256), g.n(9)+1, g.n(90)+1, g.n(50), word(), g.n(2) == 0, word(), g.n(5), word())
	env := &pointsmanv1.Envelope{
		Id: word(), Type: pick(g, "s3.object.created", "sns.notification"), Subject: word(), TimeUnixNano: 1e18, ReceivedUnixNano: int64(g.n(256)) * 1e15,
		HopCount: uint32(g.n(4)), Attributes: []*pointsmanv1.Attribute{{Name: "k", Value: word()}},
	}
	if g.n(2) == 0 {
		env.Kind = "s3"
		g.numbers = []string{"event.data.object.size"}
		g.texts = []string{"event.data.object.key", "event.data.object.bucket", `event.data["region"]`, "event.data.object.etag"}
		env.Data = &pointsmanv1.Envelope_S3{S3: &pointsmanv1.S3Event{Region: word(), Object: &pointsmanv1.S3Object{Bucket: word(), Key: word(), Size: &size}}}
		return env
	}
	env.Kind = "websocket"
	g.numbers = []string{"event.data.close_code", "event.data.body.n", "event.data.body.f", "event.data.body.big", "event.data.body.long", `jsondecode("[${event.data.body.big}]")[0]`, "event.data.body.ns[1]", "length(event.data.body)"}
	g.texts = []string{"event.data.room", "event.data.text", "event.data.body.s", "event.data.body.l[1]", "event.data.body.o.k.deep", `event.data.body["o"]["k"].deep`, `get(event.data.body, "o.k.deep")`}
	g.bools = []string{"event.data.body.b", `(event.data.body.l[0] == "x")`, "(event.data.body.o == event.data.body.o)"}
	g.lists = []string{"event.data.body.l", "[for n in event.data.body.ns : tostring(n)]", "[for k, v in event.data.body : k]"}
	env.Data = &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
		Room: word(), Text: word(), CloseCode: uint32(size), Body: &pointsmanv1.Json{Text: []byte(body)},
	}}
	return env
}

func (g *generator) any(depth int) string {
	switch g.n(5) {
	case 0:
		return g.text(depth)
	case 1:
		return g.number(depth)
	case 2:
		return g.list(depth)
	}
	return g.bool(depth)
}

func (g *generator) bool(depth int) string {
	if depth <= 0 {
		return pick(g, append(g.bools, "true", "false", `(event.type == "s3.object.created")`)...)
	}
	d := depth - 1
	switch g.n(20) {
	case 16:
		return "strcontains(" + g.text(d) + ", " + g.text(d) + ")"
	case 17:
		return pick(g, "alltrue", "anytrue") + "([" + g.bool(d) + ", " + g.bool(d) + "])"
	case 18:
		return "can(" + pick(g, "tonumber", "tobool", "urldecode") + "(" + g.text(d) + "))"
	case 19:
		return `try(regex("^(?P<first>.)", ` + g.text(d) + `).first == "p", ` + g.bool(d) + ")"
	case 0:
		return "(" + g.bool(d) + " && " + g.bool(d) + ")"
	case 1:
		return "(" + g.bool(d) + " || " + g.bool(d) + ")"
	case 2:
		return "!" + g.bool(d)
	case 3:
		return "(" + g.bool(d) + " ? " + g.bool(d) + " : " + g.bool(d) + ")"
	case 4, 5:
		return "(" + g.number(d) + pick(g, " < ", " <= ", " > ", " >= ", " == ", " != ") + g.number(d) + ")"
	case 6, 7:
		return "(" + g.text(d) + pick(g, " == ", " != ") + g.text(d) + ")"
	case 8:
		return "(" + g.bool(d) + pick(g, " == ", " != ") + g.bool(d) + ")"
	case 9:
		return pick(g, "startswith", "endswith", "contains") + "(" + g.text(d) + ", " + g.text(d) + ")"
	case 10:
		return "contains(" + g.list(d) + ", " + g.text(d) + ")"
	case 11:
		return "contains([" + g.number(d) + ", " + g.number(d) + "], " + g.number(d) + ")"
	case 12:
		return pick(g, `matches("^caf.$", `, `matches("[0-9]+", `, `glob("photos/*", `, `glob("**.jpg", `) + g.text(d) + ")"
	case 13:
		return "(" + g.list(d) + pick(g, " == ", " != ") + "[for s in " + g.list(d) + " : s])"
	case 14:
		return "(" + g.text(d) + " != null)"
	}
	return "(event.kind == \"s3\" && " + g.bool(d) + ")"
}

func (g *generator) number(depth int) string {
	if depth <= 0 {
		return pick(g, append(g.numbers, "0", "1", "3", "2.5", "kb", "event.hop_count", "100", "18446744073709551615", "0.30000000000000000001")...)
	}
	d := depth - 1
	switch g.n(20) {
	case 12:
		return "try(tonumber(" + g.text(d) + "), " + g.number(d) + ")"
	case 13:
		return "sum([" + g.number(d) + ", " + g.number(d) + "])"
	case 14:
		return "try(index(" + g.list(d) + ", " + g.text(d) + "), -1)"
	case 15:
		return "lookup({ a = " + g.number(d) + " }, " + g.text(d) + ", " + g.number(d) + ")"
	case 16:
		return pick(g, "hour", "weekday") + "(event.received" + pick(g, "", `, "Asia/Tokyo"`, `, "America/New_York"`) + ")"
	case 17:
		return "unixtime(event.received)"
	case 18:
		return "length(" + pick(g, `regexall("[a-z]", `, `split("o", `) + g.text(d) + "))"
	case 19:
		return "signum(" + g.number(d) + ")"
	case 0:
		return "(" + g.number(d) + pick(g, " + ", " - ") + g.number(d) + ")"
	case 1:
		return "(" + g.number(d) + " * " + pick(g, "2", "3", "(event.hop_count + 1)", "0.5") + ")"
	case 2:
		return "(" + g.number(d) + " / " + pick(g, "2", "4", "8", "0.25") + ")"
	case 3:
		return "(" + g.number(d) + " % " + pick(g, "2", "7", "5") + ")"
	case 4:
		return "(-(abs(" + g.number(d) + ") + 7919.5))"
	case 5:
		return "(" + g.bool(d) + " ? " + g.number(d) + " : " + g.number(d) + ")"
	case 6:
		return "length(" + pick(g, g.text, g.list)(d) + ")"
	case 7:
		return pick(g, "min", "max") + "(" + g.number(d) + ", " + g.number(d) + ")"
	case 8:
		return pick(g, "abs", "floor") + "(" + g.number(d) + ")"
	case 9:
		return `tonumber("${` + g.number(d) + `}")`
	}
	return pick(g, append(g.numbers, "event.hop_count", "2", "17", `length(event.attributes)`)...)
}

func (g *generator) text(depth int) string {
	if depth <= 0 {
		return pick(g, append(g.texts, "event.id", "event.type", "event.subject", `event.attributes.k`, `event.attributes["k"]`, "event.received", "event.time", g.literal())...)
	}
	d := depth - 1
	switch g.n(26) {
	case 16:
		return pick(g, "title", "chomp", "md5", "sha1", "sha256", "sha512", "htmlescape", "urlencode", "base64encode") + "(" + g.text(d) + ")"
	case 17:
		return pick(g, "urldecode(urlencode(", "base64decode(base64encode(", "yamldecode(jsonencode(", "jsondecode(jsonencode(") + g.text(d) + "))"
	case 18:
		return "regexreplace(" + g.text(d) + `, "[aeiou](.?)", "<$1$0>")`
	case 19:
		return `try(regex("` + pick(g, "[a-z]+", "o.o", "^.") + `", ` + g.text(d) + "), " + g.text(d) + ")"
	case 20:
		return "try(element(" + g.list(d) + ", 1), " + g.text(d) + ")"
	case 21:
		return `lookup({ a = ` + g.text(d) + `, "photos/" = "x" }, ` + g.text(d) + ", " + g.text(d) + ")"
	case 22:
		return `formatdate("EEE YYYY-MM-DD hh:mm:ss", event.received, "` + pick(g, "Europe/Paris", "Asia/Kolkata", "UTC") + `")`
	case 23:
		return `csvdecode("h,i\n\"${replace(` + g.text(d) + `, "\"", "")}\",x\n")[0].h`
	case 24:
		return "try(" + pick(g, "humanbytes", "humanduration") + "(" + g.number(d) + "), " + g.text(d) + ")"
	case 25:
		return pick(g, `hmac_sha256("k", `, `uuidv5("url", `, `indent(2, `, `trim("x-x", `) + g.text(d) + ")"
	case 0, 1:
		return `"` + g.part(d) + "-" + g.part(d) + g.part(d) + `"` // the text between keeps "${100}" alone, a number, from being made
	case 2:
		return pick(g, "lower", "upper", "trimspace") + "(" + g.text(d) + ")"
	case 3:
		return pick(g, "trimprefix", "trimsuffix") + "(" + g.text(d) + `, ` + pick(g, `"photos/"`, `"-z"`, `"/"`) + ")"
	case 4:
		return "replace(" + g.text(d) + `, "/", "` + pick(g, "-", "", "//") + `")`
	case 5:
		return "(" + g.bool(d) + " ? " + g.text(d) + " : " + g.text(d) + ")"
	case 6:
		return "(" + g.bool(d) + ` ? "x${` + g.text(d) + `}" : (0 + ` + g.number(d) + "))"
	case 7:
		return `join("+", ` + g.list(d) + ")"
	case 8:
		return "tostring(" + pick(g, g.number, g.text, g.bool)(d) + ")"
	case 9:
		return "coalesce(" + g.text(d) + ", " + g.text(d) + ")"
	case 10:
		return "jsonencode({ a = " + g.number(d) + ", b = " + g.bool(d) + " }.a)"
	case 11:
		return "[" + g.text(d) + ", " + g.text(d) + "][" + pick(g, "0", "1") + "]"
	case 12:
		return "{ k = " + g.text(d) + ", (event.type) = " + g.text(d) + " }" + pick(g, ".k", `["k"]`, "[event.type]")
	case 13:
		return `format("%s/%s", ` + g.text(d) + ", " + g.text(d) + ")"
	}
	return pick(g, append(g.texts, g.literal(), "event.id", "event.subject", "event.attributes.k", "event.kind")...)
}

// part is a piece of a template.
func (g *generator) part(depth int) string {
	switch g.n(5) {
	case 0:
		return "${" + g.number(depth) + "}"
	case 1:
		return "${" + g.text(depth) + "}"
	case 2:
		return "%{ if " + g.bool(depth) + " }yes%{ else }${" + g.text(depth) + "}%{ endif }"
	case 3:
		return "%{ for s in " + g.list(depth) + " }<${s}>%{ endfor }"
	}
	literal := g.literal()
	return literal[1 : len(literal)-1]
}

func (g *generator) literal() string {
	s := quote(pick(g, words...))
	return `"` + s + `"`
}

func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s)
}

// items makes a tuple of a list or set: HCL compares their types too.
func items(list string) string { return "[for s in " + list + " : s]" }

// list is a list of strings.
func (g *generator) list(depth int) string {
	if depth <= 0 {
		return pick(g, append(g.lists, `["a", event.id]`)...)
	}
	d := depth - 1
	switch g.n(14) {
	case 7:
		return items(pick(g, "distinct", "reverse", "sort", "compact", "tolist", "toset") + "(" + g.list(d) + ")")
	case 8:
		return items(pick(g, "setunion", "setintersection", "setsubtract", "concat") + "(" + g.list(d) + ", " + g.list(d) + ")")
	case 9:
		return "flatten([" + g.list(d) + ", [" + g.text(d) + ", [" + g.text(d) + "]]])"
	case 10:
		return pick(g, "keys", "values") + "(merge({ b = " + g.text(d) + ", a = " + g.text(d) + " }, { b = " + g.text(d) + " }))"
	case 11:
		return items(`regexall("[a-z]+", ` + g.text(d) + ")")
	case 12:
		return "try(slice(" + g.list(d) + ", 1, 2), " + g.list(d) + ")"
	case 13:
		return `[for i in range(` + pick(g, "0", "3", "1, 9, 2") + `) : "i${i}"]`
	case 0:
		return "[" + g.text(d) + ", " + g.text(d) + "]"
	case 1:
		return `split("/", ` + g.text(d) + ")"
	case 2:
		g.loops++
		v := fmt.Sprintf("v%d", g.loops)
		return "[for " + v + " in " + g.list(d) + ` : "<${` + v + `}>" if ` + v + ` != "a"]`
	case 3:
		return "[for k, v in { b = " + g.text(d) + ", a = " + g.text(d) + ` } : "${k}=${v}"]`
	case 4:
		return "concat(" + g.list(d) + ", " + g.list(d) + ")"
	case 5:
		return "[{ s = " + g.text(d) + " }, { s = " + g.text(d) + " }]" + pick(g, "[*]", ".*") + ".s"
	}
	return pick(g, append(g.lists, `["x", "photos/", event.subject]`)...)
}
