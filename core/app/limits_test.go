package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func TestContradictions(t *testing.T) {
	const (
		journal     = 10 << 30
		deliverable = (pluginhost.MaxDelivery - rule.MaxArguments) / bodyCopies
	)
	tests := map[string]struct {
		body, journal int64
		want          []string // parts of the summaries
		fails         bool
	}{
		"a webhook":                  {1 << 20, journal, nil, false},
		"as large as arguments":      {rule.MaxArguments, journal, nil, false},
		"larger than arguments":      {rule.MaxArguments + 1, journal, []string{"arguments"}, false},
		"largest for plugins":        {deliverable, journal, []string{"arguments"}, false},
		"too large for plugins":      {deliverable + 1, journal, []string{"plugins"}, true},
		"too large for the journal":  {1 << 20, bodyCopies<<20 - 1, []string{"journal"}, false},
		"as large as the journal":    {1 << 20, bodyCopies << 20, nil, false},
		"no limit of the journal":    {1 << 20, 0, nil, false},
		"larger than the two others": {rule.MaxArguments + 1, 1 << 20, []string{"arguments", "journal"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			found := contradictions(tt.body, tt.journal)
			if len(found) != len(tt.want) {
				t.Fatalf("found %v, want %q", found, tt.want)
			}
			for i, d := range found {
				if !strings.Contains(d.GetSummary(), tt.want[i]) || (d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_ERROR) != tt.fails {
					t.Errorf("found %v, want %q", d, tt.want[i])
				}
			}
		})
	}
}

// Such limits are reported at the block of the source.
func TestLimitsAreCheckedAtLoad(t *testing.T) {
	for messageBytes, want := range map[int]string{
		128 << 10: "",
		16 << 20:  "Warning: Events are larger than arguments",
		64 << 20:  "Error: Events are too large for plugins",
	} {
		source := fmt.Sprintf(`source "websocket" "chat" {
  limits {
    frame_bytes   = 1048576
    message_bytes = %d
    queue_bytes   = 134217728
  }
}
`, messageBytes)
		p := load(t.Context(), newRig(t).options(baseConfig+source), offlineSources())
		var text strings.Builder
		if err := p.diags.WriteText(&text, 120, false); err != nil {
			t.Fatal(err)
		}
		if got := text.String(); strings.Contains(got, "Events are") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("message_bytes = %d: want %q in:\n%s", messageBytes, want, got)
		}
	}
}
