package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/config"
)

const noSecrets = `
plugins { dir = "BIN" }
variable "endpoint" { default = env("NONE_ENDPOINT") }
source "intdash" "lab" { secrets = [env("NONE_LAB")] }
source "s3" "uploads" {
  dialect    = "vk"
  public_url = env("NONE_URL")
  tokens     = [env("NONE_LAB"), env("NONE_S3")]
}
source "sns" "mirrored" {
  topics    = ["arn:aws:sns:us-east-1:123456789012:t"]
  unwrap_s3 = true
  raw { tokens = [file("none")] }
}
source "websocket" "chat" {
  tokens = [env("NONE_CHAT")]
  jwt { secrets = [env("NONE_JWT")] }
}
source "websocket" "gateway" {
  path = "/gateway"
  apigateway {
    endpoint = var.endpoint
    secrets  = [env("NONE_GATEWAY")]
  }
}
plugin "noop" "n" {
  settings {
    token  = env("NONE_TOKEN")
    record = "/dev/null"
  }
}
rule "r" {
  on   = ["uploads", "mirrored"]
  when = event.data.object.size > 3
  dispatch "n" {}
}
`

// Where no secret is set, sources are made all the same, and rules are checked against their events.
func TestValidateWithoutSecrets(t *testing.T) {
	o := withoutSecrets(t)
	o.Offline = true
	_, diags := Validate(t.Context(), o)
	text := shown(t, diags)
	if diags.HasErrors() || diags.Warnings() != 9 || strings.Count(text, "NONE_LAB is not set") != 1 {
		t.Errorf("not one warning for each thing that is not there: %s", text)
	}
	sources := offlineSources()
	cfg, _ := readConfig(t.Context(), o, sources)
	for _, s := range cfg.Sources {
		if made := sources.find(s.Name) != nil; made != (s.Name != "gateway") { // it is nothing without its endpoint
			t.Errorf("%s is made: %t", s.Name, made)
		}
	}
	if got := cfg.Sources[2].Data; got != "s3" {
		t.Errorf("the rule is checked against %q", got)
	}
}

func TestValidateStrictly(t *testing.T) {
	_, diags := Validate(t.Context(), withoutSecrets(t))
	if text := shown(t, diags); diags.Errors() < 9 || !strings.Contains(text, "Error: Environment variable not set") {
		t.Error(text)
	}
}

func withoutSecrets(t *testing.T) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.hcl")
	text := strings.NewReplacer("BIN", programs).Replace(noSecrets)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Paths: []string{path}, Log: slog.New(slog.DiscardHandler)}
}

func shown(t *testing.T, diags *config.Diagnostics) string {
	t.Helper()
	var b bytes.Buffer
	if err := diags.WriteText(&b, 0, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
