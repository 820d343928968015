package main

import (
	"encoding/json"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		`{"data":"漢字 and é"}`: `{"data":"漢字 and é"}`,
		"\x1b[2Jgone":         `\x1b[2Jgone`,
		"two\nlines":          `two\nlines`,
		"\u202eturned":        `\u202eturned`,
		"\u009b31m":           `\u009b31m`,
		"\xff\xfe":            `\xff\xfe`,
		"\U000e0001tag":       `\U000e0001tag`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is printed as %s, want %s", text, got, want)
		}
	}
	if got, want := printableText("a\r\n\tb\x07\rc"), "a\n\tb\\a\\rc"; got != want {
		t.Errorf("text is printed as %q, want %q", got, want)
	}
}

// A JSON document keeps its meaning and loses what a terminal would interpret.
func TestPrintableJSON(t *testing.T) {
	const text = "é \u009b31m \x7f \u202e \U000e0001 漢"
	document, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	shown := printableJSON(document)
	if got, want := string(shown), `"é \u009b31m \u007f \u202e \udb40\udc01 漢"`; got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}
	var back string
	if err := json.Unmarshal(shown, &back); err != nil || back != text {
		t.Errorf("read back as %q (%v), want %q", back, err, text)
	}
}

func TestIsText(t *testing.T) {
	for body, want := range map[string]bool{"line\r\n\tline": true, "é漢": true, "\x00": false, "\xff": false, "\x1b[0m": false, "": true} {
		if got := isText([]byte(body)); got != want {
			t.Errorf("isText(%q) = %v", body, got)
		}
	}
}
