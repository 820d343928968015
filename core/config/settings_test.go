package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Tokens and settings hide their content however they are printed.
func TestSecretsDoNotPrint(t *testing.T) {
	for name, c := range map[string]any{
		"tokens":   Config{Admin: Admin{Tokens: Tokens{"hunter2"}}},
		"settings": Source{Settings: Settings(`{"secret": "hunter2"}`)},
	} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("loaded", "config", c)
		encoded, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), log.String(), string(encoded)} {
			if strings.Contains(text, "hunter2") {
				t.Errorf("%s: printed as %s", name, text)
			}
		}
	}
}
