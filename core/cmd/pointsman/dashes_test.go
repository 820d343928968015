package main

import (
	"strings"
	"testing"
)

func TestLongFlags(t *testing.T) {
	for given, want := range map[string]string{
		"fmt -check -diff .":                  "fmt --check --diff .",
		"fmt --check -":                       "fmt --check -",
		"test -run image -v -junit=x.xml":     "test --run image -v --junit=x.xml",
		"explain -e event.json -rule r":       "explain -e event.json --rule r",
		"validate -var a=b -strict -help":     "validate --var a=b --strict --help",
		"validate -nonsense -- -strict":       "validate -nonsense -- -strict",
		"nonsense -check":                     "nonsense -check",
		"events list -json":                   "events list --json",
		"test -run -v -color never -vcolor=x": "test --run -v --color never -vcolor=x",
	} {
		root := newRoot(streams{})
		if got := strings.Join(longFlags(root, strings.Fields(given)), " "); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}
