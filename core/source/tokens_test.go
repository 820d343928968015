package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestTokens(t *testing.T) {
	const long, other = "correct-horse-battery-staple", "another-horse-battery-staple"
	tests := []struct {
		name     string
		secrets  []string
		warnings []string
		err      string
		shown    map[string]int
	}{
		{name: "none", shown: map[string]int{"": -1, long: -1}},
		{name: "rotation", secrets: []string{long, other}, shown: map[string]int{long: 0, other: 1, "": -1, long + "x": -1, long[1:]: -1}},
		{
			name: "one is empty", secrets: []string{"", long}, shown: map[string]int{"": -1, long: 1},
			warnings: []string{"tokens[0] is empty and ignored: check that its environment variable is set"},
		},
		{name: "all are empty", secrets: []string{"", ""}, err: "tokens: every secret is empty"},
		{
			name: "short, with a line break", secrets: []string{"abc\n"}, shown: map[string]int{"abc": -1, "abc\n": 0},
			warnings: []string{"tokens[0] is 4 bytes long; use at least 24"},
		},
		{name: "twice the same", secrets: []string{long, long}, shown: map[string]int{long: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var secrets []schema.Secret
			for _, s := range tt.secrets {
				secrets = append(secrets, schema.NewSecret(s))
			}
			tokens, warnings, err := NewTokens("tokens", secrets)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" || err != nil {
				t.Errorf("warnings (-want +got):\n%s error %v", diff, err)
			}
			for text, want := range tt.shown {
				if got := tokens.Slot("", text); got != want {
					t.Errorf("Slot(%q) = %d, want %d", text, got, want)
				}
			}
		})
	}
}
