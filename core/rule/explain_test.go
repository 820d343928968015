package rule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// explainAgrees checks what holds for every explanation, and that together they deliver what Match delivers.
func explainAgrees(t *testing.T, set *Set, env *pointsmanv1.Envelope, matched []Delivery) {
	t.Helper()
	var got []Delivery
	for _, x := range set.Explain(env, "") {
		got = append(got, x.Deliveries...)
		for _, d := range x.Deliveries {
			if x.Err != nil && x.Err.Error() != d.Err.Error() {
				t.Errorf("rule %q failed with %q, and its delivery with %q", x.Rule, x.Err, d.Err)
			}
		}
		quiet := x.Verdict == NotMatched || x.SampledOut || x.TakenBy != ""
		checkClauses(t, x.Rule, x.Verdict, x.Clauses, andOp, false)
		if len(x.Clauses) == 0 || x.Line == 0 || (x.Err != nil) != (x.Verdict == Failed) || (len(x.Deliveries) > 0) == quiet {
			t.Errorf("explanation %+v", x)
		}
	}
	slices.SortStableFunc(got, func(a, b Delivery) int { return place(matched, a) - place(matched, b) })
	show := func(all []Delivery) (lines []string) {
		for _, d := range all {
			lines = append(lines, fmt.Sprintf("%s %s %s %s %v", d.Rule, d.Plugin, d.Arguments, d.OrderKey, d.Err))
		}
		return lines
	}
	if diff := cmp.Diff(show(matched), show(got)); diff != "" {
		t.Errorf("Explain and Match differ:\n%s", diff)
	}
}

// checkClauses checks that parts were evaluated in order up to the first one that decided, and that they make the verdict.
func checkClauses(t *testing.T, rule string, want Verdict, parts []Clause, operator string, skipped bool) {
	t.Helper()
	goesOn := map[string]Verdict{andOp: Matched, orOp: NotMatched, notOp: 100}[operator]
	got, decided := goesOn, false
	for _, c := range parts {
		if c.Skipped != (skipped || decided) || c.Verdict == Unknown && !c.Skipped || c.Verdict == Failed && c.Skipped {
			t.Errorf("rule %q: verdict or skipped of %+v", rule, c)
		}
		if !decided {
			got, decided = c.Verdict, c.Verdict != goesOn
		}
		if c.Operator != "" {
			checkClauses(t, rule, c.Verdict, c.Parts, c.Operator, c.Skipped)
		}
	}
	if operator == notOp {
		got = opposite(got)
	}
	if got != want {
		t.Errorf("rule %q is %d, its clauses make %d: %+v", rule, want, got, parts)
	}
}

// place is where the rule of a delivery comes in the order of Match: fallback rules are last.
func place(matched []Delivery, d Delivery) int {
	return slices.IndexFunc(matched, func(m Delivery) bool { return m.Rule == d.Rule })
}

func intdash(action string) *pointsmanv1.Envelope {
	return &pointsmanv1.Envelope{Source: "lab", Kind: "intdash", Data: &pointsmanv1.Envelope_Intdash{Intdash: &pointsmanv1.IntdashEvent{
		Action: action, ResourceType: "measurement", Extra: &pointsmanv1.Json{Text: []byte(`{"n": "x"}`)},
	}}}
}

func TestExplain(t *testing.T) {
	set := setOf(t, `
rule "three" {
  on   = ["lab"]
  when = (event.data.resource_type == "measurement" &&
    event.data.action == "completed") && tonumber(event.data.extra.n) > 1
  dispatch "ops" { text = "x" }
}
rule "other" {
  on   = ["lab"]
  when = event.data.action == "created"
  dispatch "ops" { text = "created" }
}
`)
	text := func(x Explanation) string {
		s := fmt.Sprintf("%s:%d %d", x.Rule, x.Line, x.Verdict)
		for _, c := range x.Clauses {
			if !c.Skipped {
				s += fmt.Sprintf(" | %d: %s = %d", c.Line, c.Text, c.Verdict)
			}
		}
		return s
	}
	for action, want := range map[string][]string{
		"created": {
			`three:2 0 | 4: event.data.resource_type == "measurement" = 1 | 5: event.data.action == "completed" = 0`,
			`other:8 1 | 10: event.data.action == "created" = 1`,
		},
		"completed": {
			`three:2 2 | 4: event.data.resource_type == "measurement" = 1 | 5: event.data.action == "completed" = 1 | 5: tonumber(event.data.extra.n) > 1 = 2`,
			`other:8 0 | 10: event.data.action == "created" = 0`,
		},
	} {
		env := intdash(action)
		var got []string
		for _, x := range set.Explain(env, "") {
			got = append(got, text(x))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
		explainAgrees(t, set, env, set.Match(env))
	}
	if only := set.Explain(intdash("created"), "other"); len(only) != 1 || only[0].Rule != "other" {
		t.Errorf("explanations of one rule: %+v", only)
	}
	if none := set.Explain(&pointsmanv1.Envelope{Source: "nobody"}, ""); none != nil {
		t.Errorf("explanations for a source without rules: %+v", none)
	}
}

func TestCondition(t *testing.T) {
	cfg := configOf(t, "")
	lab := cfg.Sources[0]
	for expression, want := range map[string]string{
		`event.data.action == "created"`:            "true",
		`event.data.action == "deleted"`:            "false",
		`tonumber(event.data.extra.n) > 1`:          "--match:1:10: event.data.extra.n",
		`event.data.acton == "x"`:                   `Did you mean "action"?`,
		`event.data.action = "x"`:                   "--match:1:",
		`event.data.action`:                         "must be a bool",
		strings.Repeat("(", 200):                    "Nested too deeply",
		strings.Repeat("x", 1<<20):                  "Expression too long",
		"":                                          "Missing expression",
		`nosuch(event.data.action)`:                 "nosuch",
		`event.data.resource_type == local.nothing`: "nothing",
	} {
		t.Run(expression[:min(len(expression), 40)], func(t *testing.T) {
			test, err := Condition(cfg, config.ParseExpression("--match", expression), lab)
			got := ""
			if err == nil {
				var matched bool
				if matched, err = test(intdash("created")); err == nil {
					got = fmt.Sprint(matched)
				}
			}
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestExplainAgrees explains random rules, some of which fail, for random events.
func TestExplainAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	verdicts := map[Verdict]int{}
	for range 60 {
		data := make([]byte, 3000)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		g := &generator{data: data}
		env := g.event()
		env.Source = map[string]string{"s3": "bucket", "websocket": "chat"}[env.GetKind()]
		var rules strings.Builder
		for i := range 10 {
			clauses := []string{g.bool(3)}
			for range g.n(4) {
				clauses = append(clauses, pick(g, g.bool(3), g.bool(2), g.bool(1), "1 / (event.hop_count - event.hop_count) > 0", "true"))
			}
			fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [%q]\n when = %s\n dispatch \"ops\" { text = \"x${%s}\" }\n}\n", i, env.GetSource(), strings.Join(clauses, " && "), g.text(2))
		}
		set := setOf(t, rules.String())
		explainAgrees(t, set, env, set.Match(env))
		for _, x := range set.Explain(env, "") {
			verdicts[x.Verdict]++
		}
	}
	if len(verdicts) != 3 {
		t.Errorf("verdicts %v, want some of each", verdicts)
	}
}

// Of very many rules only those are explained in full that the index does not leave out, and the one that is asked for.
func TestExplainVeryManyRules(t *testing.T) {
	var rules strings.Builder
	for i := range maxExplained + 1 {
		fmt.Fprintf(&rules, "rule \"r%d\" {\n on = [\"lab\"]\n when = event.data.action == \"a%d\"\n dispatch \"ops\" { text = \"x\" }\n}\n", i, i)
	}
	set := setOf(t, rules.String())
	all := set.Explain(intdash("a7"), "")
	if len(all) != maxExplained+1 || all[7].Verdict != Matched || len(all[7].Clauses) != 1 || all[7].LeftOut != "" {
		t.Errorf("%d explanations; the one that matches: %+v", len(all), all[7])
	}
	if x := all[8]; x.Verdict != NotMatched || x.Clauses != nil || x.LeftOut != `event.data.action == "a8"` {
		t.Errorf("one that the index leaves out: %+v", x)
	}
	if x := set.Explain(intdash("a7"), "r8"); len(x) != 1 || len(x[0].Clauses) != 1 {
		t.Errorf("one that is named: %+v", x)
	}
}
