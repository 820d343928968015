package sdk_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
)

// TestReadme: the plugin that the README shows is the one in testdata, and that one works.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("testdata/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "```go\n")
	shown, _, _ = strings.Cut(shown, "```\n")
	if shown != string(source) {
		t.Error("the first Go block of README.md is not testdata/hello/main.go")
	}
	program := plugintest.Build(t, "testdata/hello")
	plugintest.Binary(t, program)
	help, err := exec.CommandContext(t.Context(), program, "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/hello/help.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, got, _ := strings.Cut(string(help), "\n"); got != string(want) { // the first line has the version
		t.Errorf("help:\n%s\nwant:\n%s", got, want)
	}
}
