package rule

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// everyRule makes a set evaluate all rules for each event.
func everyRule(set *Set) {
	for _, rules := range set.sources {
		rules.index = &index{rest: rules.all}
	}
}

// TestIndexAgrees matches random rules with the index, and by evaluating each of them: the same rules match, and the same fail.
func TestIndexAgrees(t *testing.T) {
	for seed := range uint64(20) {
		indexAgrees(t, []byte{byte(seed)}, rand.New(rand.NewPCG(seed, 7)))
	}
}

func FuzzIndexAgrees(f *testing.F) {
	for i := range 20 {
		f.Add([]byte(strings.Repeat(string(rune('a'+i))+"\x00\x07\x1f", 40)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		indexAgrees(t, data, rand.New(rand.NewPCG(1, uint64(len(data)))))
	})
}

// indexAgrees makes at most 30 rules, and 30 events, of bytes, which random continues. Few rules matter as much as many: what the index
// does for one rule may hide what it does not do for another.
func indexAgrees(t *testing.T, data []byte, random *rand.Rand) {
	g := &generator{data: data}
	for range 8000 {
		g.data = append(g.data, byte(random.Uint32()))
	}
	var rules strings.Builder
	for i := range pick(g, 1, 2, 3, 30) {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n%s on = [\"chat\"]\n when = %s\n dispatch \"ops\" { text = \"x\" }\n}\n", i,
			pick(g, "", "", "", "", " fallback = true\n", " mode = \"shadow\"\n", " sample = 0.5\n"), g.condition(3))
	}
	cfg := configOf(t, rules.String())
	indexed, diags := Compile(cfg)
	plain, _ := Compile(cfg)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	everyRule(plain)
	for i := range 30 {
		env := g.testEvent()
		matched := indexed.Match(env)
		if diff := cmp.Diff(outcomes(plain.Match(env)), outcomes(matched)); diff != "" {
			t.Fatalf("%s\n%v: -want +got\n%s", rules.String(), env, diff)
		}
		if i < 3 { // an explanation compiles the rules again
			explainAgrees(t, indexed, env, matched)
			leftOutAgrees(t, indexed, env)
		}
		if t.Failed() {
			t.Fatalf("%s\n%v", rules.String(), env)
		}
	}
}

// leftOutAgrees checks that Explain says of the rules that are no candidates, and of no others, why the index leaves them out.
func leftOutAgrees(t *testing.T, set *Set, env *pointsmanv1.Envelope) {
	t.Helper()
	rules := set.sources[env.GetSource()]
	f := newFrame(env, rules.event)
	defer f.release()
	candidates := rules.candidates(f)
	for i, x := range set.Explain(env, "") {
		if (x.LeftOut == "") != slices.Contains(candidates, rules.all[i]) || x.LeftOut != "" && x.Verdict != NotMatched {
			t.Errorf("left out by %q, of %d candidates: %+v", x.LeftOut, len(candidates), x)
		}
	}
}

// TestIndexReadsDocuments: if JSON that a condition reads first is broken, the rule fails, also if the index knows that the rest is false.
func TestIndexReadsDocuments(t *testing.T) {
	for _, test := range []struct {
		when   string
		failed bool
	}{
		{`event.data.body.x != "a" && event.type == "b"`, true},
		{`contains(["a", "b"], event.data.body.x) && event.type == "b"`, true},
		{`contains([], event.data.body.x) && event.type == "b"`, true},
		{`event.type != "c" && event.data.body.x != "a" && (event.type == "b" || event.type == "d")`, false},
		{`(event.data.body.x != "a" || event.type == "e") && startswith(event.type, "b")`, true},
		{`(event.data.body.x != "a" && event.type == "b") || event.type == "d"`, true},
		{`event.type == "b" && event.data.body.x != "a"`, false},
	} {
		set := setOf(t, fmt.Sprintf("rule \"r\" {\n on = [\"chat\"]\n when = %s\n dispatch \"ops\" { text = \"x\" }\n}\n", test.when))
		env := &pointsmanv1.Envelope{Source: "chat", Type: "c", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
			Body: &pointsmanv1.Json{Text: []byte("{")},
		}}}
		matched := set.Match(env)
		if failed := len(matched) == 1 && matched[0].Err != nil; failed != test.failed {
			t.Errorf("%s: %v, want a failure: %t", test.when, outcomes(matched), test.failed)
		}
		explainAgrees(t, set, env, matched)
		leftOutAgrees(t, set, env)
	}
}

// TestGuardedClausesAreFree: a rule whose guard does not hold must not fail because the clauses before spent its budget. In a for
// expression there is no guard, and clauses cost what they do.
func TestGuardedClausesAreFree(t *testing.T) {
	scope := configOf(t, "").Scope
	env := &pointsmanv1.Envelope{Kind: "websocket", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
		Text: "abc", Body: &pointsmanv1.Json{Text: []byte(`{"x": "abc", "n": 18446744073709551615}`)},
	}}}
	for text, free := range map[string]bool{
		`startswith(event.data.text, "a")`:                                   true,
		`endswith(event.data.body.x, "a")`:                                   true,
		`contains(["a", 1], event.data.body.x)`:                              true,
		`contains(["a", "b"], event.data.text)`:                              true,
		`event.data.body.n < 5 || event.data.body.x == "a"`:                  true,
		`strcontains(event.data.text, "a")`:                                  false,
		`startswith(lower(event.data.text), "a")`:                            false,
		`alltrue([for i in [1] : startswith(event.data.text, "a")])`:         false,
		`alltrue([for i in [1] : contains(["a", 1], event.data.body.x)])`:    false,
		`alltrue([for i in [1] : !contains(["a", "b"], event.data.body.x)])`: false,
	} {
		e, diags := hclsyntax.ParseExpression([]byte(text), "free.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		event := newEventType(env.GetKind())
		c := &compiler{event: event.root, scope: scope, source: func(hcl.Range) string { return text }}
		x := c.compile(e)
		if x == nil {
			t.Fatal(c.diags)
		}
		f := newFrame(env, event)
		f.begin()
		x.val(f)
		if (f.work == 0) != free || (len(x.guards) > 0) != free {
			t.Errorf("%s: %d steps and %d guards, want free: %t", text, f.work, len(x.guards), free)
		}
		f.release()
	}
}

// TestIndexOfComputedDecimals: a constant that was computed with fewer bits than a number of an event has is found by its exact value.
func TestIndexOfComputedDecimals(t *testing.T) {
	set := setOf(t, `
locals {
  third = length("a") / length("abc")
}
rule "r" {
  on   = ["chat"]
  when = event.data.body.x == local.third
  dispatch "ops" { text = "x" }
}`)
	third := new(big.Float).SetPrec(64).Quo(big.NewFloat(1), big.NewFloat(3))
	env := &pointsmanv1.Envelope{Source: "chat", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
		Body: &pointsmanv1.Json{Text: []byte(`{"x": ` + new(big.Float).SetPrec(precision).Set(third).Text('f', -1) + `}`)},
	}}}
	if got := outcomes(set.Match(env)); len(got) != 1 {
		t.Errorf("matched %v", got)
	}
}

// TestCandidates: of 1,000 rules of each shape, an event finds those that it can concern.
func TestCandidates(t *testing.T) {
	for _, events := range benchEvents {
		for _, shape := range events.shapes {
			rules := benchSet(t, events.source, 1000, shape.when).sources[events.source]
			f := newFrame(events.event, rules.event)
			if n := len(rules.candidates(f)); n != shape.candidates {
				t.Errorf("%s, %s: %d candidates, want %d", events.name, shape.name, n, shape.candidates)
			}
			f.release()
		}
	}
	limits := setOf(t, `
rule "below"      { 
  on   = ["bucket"]
  when = event.data.object.size < 5
  dispatch "ops" { text = "" }
}
rule "at-most"    {
  on   = ["bucket"]
  when = event.data.object.size <= 5
  dispatch "ops" { text = "" }
}
rule "above"      {
  on   = ["bucket"]
  when = 5 < event.data.object.size
  dispatch "ops" { text = "" }
}
rule "at-least"   {
  on   = ["bucket"]
  when = 5 <= event.data.object.size
  dispatch "ops" { text = "" }
}`).sources["bucket"]
	env := benchEvent()
	for size, want := range map[int64]string{4: "[below at-most]", 5: "[at-most at-least]", 6: "[above at-least]"} {
		env.GetS3().Object.Size = &size
		f := newFrame(env, limits.event)
		var found []string
		for _, p := range limits.candidates(f) {
			found = append(found, p.rule)
		}
		if got := fmt.Sprint(found); got != want {
			t.Errorf("size %d: %s, want %s", size, got, want)
		}
		f.release()
	}
}

func outcomes(deliveries []Delivery) (out []string) {
	for _, d := range deliveries {
		out = append(out, fmt.Sprint(d.Rule, d.Err))
	}
	return out
}

var (
	indexTexts   = []string{"", "a", "ab", "abc", "ac", "b/", "b/c", "caf\u00e9", "cafe\u0301", "7", "7.5", "true"}
	indexNumbers = []string{"0", "7", "7.5", "-1", "18446744073709551615", "18446744073709551614", "1e2"}
	indexPaths   = []string{
		"event.type", "event.subject", "event.time", `event.attributes.tier`, `event.attributes["a.b"]`, "event.data.body", "event.data.body.x", "event.data.body.x.y", "event.data.body.l[0]", `event.data.body.l["1"]`,
		"event.data.body.l[2].x", `event.data.body["x"]`, `get(event.data.body, "x.y")`, "event.data.text",
	}
)

// condition makes a condition for events of rooms.
func (g *generator) condition(depth int) string {
	if depth > 0 {
		d := depth - 1
		switch g.n(16) {
		case 0, 1, 2, 3:
			return "(" + g.condition(d) + " || " + g.condition(d) + ")"
		case 4, 5, 6, 7, 8:
			return g.condition(d) + " && " + g.condition(d)
		case 9:
			return g.clause() + " && (" + g.condition(d) + " && " + g.condition(d) + ")"
		case 10:
			return "!(" + g.condition(d) + ")"
		case 11:
			return "(" + g.clause() + " ? " + g.condition(d) + " : " + g.condition(d) + ")"
		case 12:
			return "(" + g.condition(d) + ") " + pick(g, "==", "!=") + " true"
		}
	}
	return g.clause()
}

func (g *generator) clause() string {
	path := pick(g, indexPaths...)
	switch g.n(16) {
	case 12:
		return pick(g, "!", "") + fmt.Sprintf("contains(%s, %s)", pick(g, "[]", `["a", 7, null]`, `["a", []]`, `toset(["7", "b/"])`, `split(",", "a,b")`), path)
	case 13:
		return pick(g, "!", "") + "can(" + pick(g, "tonumber", "tobool") + "(" + path + "))"
	case 14:
		return fmt.Sprintf("try(%s, %s == null)", g.clause(), path)
	case 15:
		return pick(g, "event.data.body.x", "event.data.body", "anytrue([for v in [event.data.body.x] : v == 7])")
	case 0, 1, 2:
		return fmt.Sprintf("%s == %q", path, pick(g, indexTexts...))
	case 3:
		return fmt.Sprintf("%s(%s, %q)", pick(g, "startswith", "endswith"), path, pick(g, indexTexts...))
	case 4:
		return fmt.Sprintf("contains([%q, %q, %q], %s)", pick(g, indexTexts...), pick(g, indexTexts...), pick(g, indexTexts...), path)
	case 5:
		return fmt.Sprintf("%s == null", path)
	case 6:
		return fmt.Sprintf("%q != %s", pick(g, indexTexts...), path)
	case 7:
		return fmt.Sprintf("!(%s == %q)", path, pick(g, indexTexts...))
	}
	path = pick(g, "event.hop_count", "event.data.body.x", "event.data.body.x.y", "event.data.body.l[0]", "event.data.close_code")
	switch g.n(4) {
	case 0:
		return fmt.Sprintf("%s == %s", path, pick(g, indexNumbers...))
	case 1:
		return fmt.Sprintf("%s %s %s", path, pick(g, "<", "<=", ">", ">="), pick(g, indexNumbers...))
	case 2:
		return fmt.Sprintf("%s %s %s", pick(g, indexNumbers...), pick(g, "<", "<=", ">", ">="), path)
	}
	return fmt.Sprintf("%s == %s", pick(g, "event.data.body.x", "event.data.body.l[0]"), pick(g, "true", "false"))
}

func (g *generator) testEvent() *pointsmanv1.Envelope {
	word := func() string { return pick(g, append(indexTexts, "ad", "abd", "c/")...) } // some that no rule names
	scalar := func() string {
		if g.n(2) == 0 {
			return fmt.Sprintf("%q", word())
		}
		return pick(g, append(indexNumbers, "true", "false", "null", "[]", "{}", "0.75e1")...)
	}
	body := pick(g,
		"", "null", scalar(), "{", fmt.Sprintf(`{"x": %s, "l": [%s, %s, {"x": 1}]}`, scalar(), scalar(), scalar()), fmt.Sprintf(`{"x": {"y": %s}, "l": {"0": %s, "1": 2}}`, scalar(), scalar()),
		fmt.Sprintf(`{"l": [], "\u0078": %s}`, scalar()))
	env := &pointsmanv1.Envelope{
		Source: "chat", Kind: "websocket", Type: word(), Subject: word(), HopCount: uint32(g.n(9)), TimeUnixNano: int64(g.n(2)),
		Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
			Text: word(), CloseCode: uint32(g.n(9)), Body: &pointsmanv1.Json{Text: []byte(body)},
		}},
	}
	if g.n(3) == 0 {
		env.Attributes = []*pointsmanv1.Attribute{{Name: "tier", Value: word()}, {Name: "a.b", Value: word()}}
	}
	if g.n(20) == 0 {
		env.Data = nil
	}
	return env
}

// TestAffixes compares the search for prefixes with trying each of them.
func TestAffixes(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	word := func() string {
		b := make([]byte, random.IntN(5))
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return string(b)
	}
	for round := range 200 {
		a := newTable(nil).prefixes
		if round%2 == 1 {
			a = newTable(nil).suffixes
		}
		prefixes := map[string]*program{}
		for range random.IntN(12) {
			s := word()
			prefixes[s] = &program{rule: s}
		}
		for s, p := range prefixes {
			a.add(s, p)
		}
		a.seal()
		for range 20 {
			s, got := word(), map[string]*program{}
			for _, p := range a.find(s, nil) {
				got[p.rule] = p
			}
			for prefix := range prefixes {
				if want := a.has(s, prefix); want != (got[prefix] != nil) {
					t.Fatalf("%q: found %v of %v", s, got, prefixes)
				}
			}
		}
	}
}
