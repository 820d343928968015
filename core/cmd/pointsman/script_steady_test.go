package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// varying is what differs between two runs of a story, with what stands for it in a golden page.
var varying = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\b\d+[smhd] ago\b`), "AGO"},
	{regexp.MustCompile(`\b[0-9a-z]{8}-(\d{1,3})\b`), "ID-$1"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\b\d+\.\d/s\b`), "RATE"},
	{regexp.MustCompile(`\b[\d.]+ [kKMGT]?i?B\b`), "SIZE"},
	{regexp.MustCompile(`(hook_uuid\W+)[0-9a-f-]{36}`), "${1}UUID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`uid \d+ \(pid \d+\)`), "uid UID (pid PID)"},
	// The columns of a table are as wide as what stands in them.
	{regexp.MustCompile(` {2,}`), "  "},
	{regexp.MustCompile(`(?m) +$`), ""},
}

// steady is `steady`: what the last program printed is what stdout looks at next, without what differs between two runs, so that it
// can be compared with a golden page.
func steady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: steady")
	}
	text := strings.ReplaceAll(ts.ReadFile("stdout"), ts.MkAbs("."), "WORK")
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.stands)
	}
	fmt.Fprint(ts.Stdout(), text)
}
