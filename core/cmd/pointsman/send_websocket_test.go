package main

import "testing"

func TestPrintable(t *testing.T) {
	for message, want := range map[string]string{
		`{"data":"漢字 and é"}`: `{"data":"漢字 and é"}`,
		"\x1b[2Jgone":         `"\x1b[2Jgone"`,
		"two\nlines":          `"two\nlines"`,
		"\u202eturned":        `"\u202eturned"`,
		"\u009b31m":           `"\u009b31m"`,
		"\xff":                `"\xff"`,
	} {
		if got := printable([]byte(message)); got != want {
			t.Errorf("%q is printed as %s, want %s", message, got, want)
		}
	}
}
