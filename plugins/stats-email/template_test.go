package main

import (
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	r := &report{
		Average: 99.50610868955712, UnbiasedVariance: 243.9618582512769, Count: 1000, Measurement: "m-1", Subject: "s",
		Event: event{ID: "e-1", Source: "lab", Type: "intdash.measurement.completed", Subject: "m-1"},
	}
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"no placeholder %d {", "no placeholder %d {"},
		{"Average: {{.Average}}\n", "Average: 99.506109\n"},
		{`{{printf "%.2f ± %.1e" .Average .UnbiasedVariance}}`, "99.51 ± 2.4e+02"},
		{"{{.Count}} {{.Skipped}} {{.Measurement}} {{.Project}} {{.Subject}}", "1000 0 m-1  s"},
		{"{{.Event.ID}} {{.Event.Source}} {{.Event.Type}} {{.Event.Subject}}", "e-1 lab intdash.measurement.completed m-1"},
		{"{{if gt .Average 100.0}}high{{else if and (gt .Average 90.0) .Count}}fine{{else}}low{{end}}", "fine"},
		{"{{if .Skipped}}x{{end}}{{/* nothing */}}", ""},
		{`{{if eq .Event.Source "lab"}}<b>&{{end}}`, "<b>&"},
		{`{{"{"}}{{"{"}}.Average}} {{.Count}}`, "{{.Average}} 1000"}, // the router's form of text of an event
	} {
		parsed, err := parseTemplate("body", c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got, err := parsed.render(r); err != nil || got != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.text, got, err, c.want)
		}
	}
}

func TestTemplateMistakes(t *testing.T) {
	for _, c := range []struct{ text, err string }{
		{"a\n{{.Average", "body:2: unclosed action"},
		{"{{.Avrage}}", "body:1:2: executing \"body\" at <.Avrage>"},
		{"{{nope}}", `body:1: function "nope" not defined`},
		{"{{.Average.X}}", "can't evaluate field X"},
		{"a\n {{range 3}}x{{end}}", "body:2:9: range cannot be used here"},
		{"{{range .Count}}{{end}}", "range cannot be used here"},
		{"{{with .Count}}{{end}}", "with cannot be used here"},
		{"{{$x := 1}}", "variables cannot be used here"},
		{"{{$.Count}}", "variable cannot be used here"},
		{"{{.}}", "dot cannot be used here"},
		{`{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`, "define and block"},
		{`{{define "body"}}{{template "body"}}{{end}}`, "template cannot be used here"},
		{`{{template "body"}}`, "template cannot be used here"},
		{`{{print 1}}`, `function "print" (there are and, eq,`},
		{`{{if (index "abc" 1)}}{{end}}`, `function "index"`},
		{`{{call .Count}}`, `function "call"`},
		{`{{printf "%100000000d" 1}}`, "two digits"},
		{`{{printf "%.999f" .Average}}`, "two digits"},
		{`{{printf "%*d" 99999999 1}}`, "two digits"},
		{`{{printf "%[1]s%[1]s" (printf "%[1]s%[1]s" "x")}}`, "[n]"},
		{strings.Repeat("x", maxTemplate+1), "longer than"},
	} {
		_, err := parseTemplate("body", c.text)
		if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "body:") {
			t.Errorf("%.100q: got %v, want %q", c.text, err, c.err)
		}
	}
}

// Whoever writes a part of the template cannot make it run long or grow large.
func FuzzTemplate(f *testing.F) {
	r := &report{Average: 99.5, Count: 1000, Measurement: strings.Repeat("m", 1000), Event: event{Subject: strings.Repeat("s", 1000)}}
	f.Add("Average: {{.Average}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseTemplate("body", text)
		if err != nil {
			return
		}
		if out, err := parsed.render(r); err == nil && len(out) > len(text)+1100*(1+strings.Count(text, ".")) {
			t.Errorf("%d bytes of %q", len(out), text)
		}
	})
}
