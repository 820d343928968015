package e2ereload

import "math/rand/v2"

// change is what one reload is about.
type change struct {
	name   string
	weight int
	// next is the state after it.
	next func(state) state
	// damage is appended to the configuration, so that the router must refuse it with an error that contains want.
	damage, want string
}

func (c change) invalid() bool { return c.damage != "" }

func same(s state) state { return s }

func otherRules(s state) state {
	if s.rules == "a" {
		s.rules = "b"
	} else {
		s.rules = "a"
	}
	return s
}

func otherProgram(s state) state { s.program = 3 - s.program; return s }
func otherBlock(s state) state   { s.block = 3 - s.block; return s }
func otherSource(s state) state  { s.extra = !s.extra; return s }

var changes = []change{
	{name: "rules", weight: 8, next: otherRules},
	{name: "plugin's binary", weight: 4, next: otherProgram},
	{name: "rules and binary", weight: 2, next: func(s state) state { return otherProgram(otherRules(s)) }},
	{name: "plugin's block", weight: 2, next: otherBlock},
	{name: "source added or removed", weight: 3, next: otherSource},
	{name: "nothing", weight: 1, next: same},
	{name: "syntax error", weight: 2, next: same, damage: "\n}\n", want: "Argument or block definition required"},
	{name: "unknown plugin", weight: 1, next: same, damage: `
rule "wrong" {
  on   = ["lab"]
  when = true
  dispatch "nobody" {}
}
`, want: "nobody"},
	{name: "plugin that refuses its settings", weight: 1, next: same, damage: `
plugin "noop" "bad" {
  path = "DIR/pointsman-plugin-steady"
  settings { fail_start = "not today" }
}
`, want: "not today"},
}

// draw draws a change.
func draw(random *rand.Rand) change {
	total := 0
	for _, c := range changes {
		total += c.weight
	}
	n := random.IntN(total)
	for _, c := range changes {
		if n -= c.weight; n < 0 {
			return c
		}
	}
	panic("e2ereload: no change drawn") // cannot happen
}
