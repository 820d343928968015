package rule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// indexAgrees makes 30 rules and 30 events of bytes, which random continues.
func indexAgrees(t *testing.T, data []byte, random *rand.Rand) {
	g := &generator{data: data}
	for range 8000 {
		g.data = append(g.data, byte(random.Uint32()))
	}
	var rules strings.Builder
	for i := range 30 {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [\"chat\"]\n when = %s\n dispatch \"ops\" { text = \"x\" }\n}\n", i, g.condition(3))
	}
	cfg := configOf(t, rules.String())
	indexed, diags := Compile(cfg)
	plain, _ := Compile(cfg)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	everyRule(plain)
	for range 30 {
		env := g.testEvent()
		got, want := outcomes(indexed.Match(env)), outcomes(plain.Match(env))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%v: -want +got\n%s", rules.String(), env, diff)
		}
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
		switch g.n(4) {
		case 0:
			return "(" + g.condition(depth-1) + " || " + g.condition(depth-1) + ")"
		case 1, 2:
			return g.condition(depth-1) + " && " + g.condition(depth-1)
		}
	}
	return g.clause()
}

func (g *generator) clause() string {
	path := pick(g, indexPaths...)
	switch g.n(12) {
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
