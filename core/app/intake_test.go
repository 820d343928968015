package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/journal"
)

// A failed expression makes a dead letter that no plugin and no dispatcher sees: the intake reports it, once for each event.
func TestRuleErrorIsReported(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig + plugin("ops", "") + `
rule "broken" {
  on   = ["lab"]
  when = 1 / length(event.subject) > 1 / (length(event.subject) - length(event.subject))
  dispatch "ops" {}
}
`)
	for range 2 { // the second is a duplicate
		if status := r.post("lab", "event-1"); status != http.StatusNoContent {
			t.Fatalf("status %d", status)
		}
	}
	const line = "rule failed, delivery is a dead letter"
	for key, want := range map[string]string{"level": "ERROR", "rule": "broken", "plugin": "ops", "source": "lab", "reason": journal.ReasonRuleError} {
		if got := r.log.values(line, key); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want one %q", key, got, want)
		}
	}
	if got := r.log.values(line, "err"); len(got) != 1 || !strings.Contains(got[0], "config.hcl:") {
		t.Errorf("the line of the rule is not in %q", got)
	}
	dead, err := r.journal.Deliveries(t.Context(), journal.DeliveryQuery{State: journal.StateDead})
	if err != nil {
		t.Fatal(err)
	}
	if d := dead.Deliveries; len(d) != 1 || string(d[0].Arguments) != "{}" {
		t.Errorf("dead letters %+v, want one with the arguments {}", dead.Deliveries)
	}
}

// The error of an expression quotes values, so the log does not have it for a source whose events are sensitive.
func TestRuleErrorOfSensitiveEvent(t *testing.T) {
	r := newRig(t)
	sensitive := strings.Replace(baseConfig, `"lab" { secrets = ["`+testSecret+`"] }`, "\"lab\" {\n  sensitive = true\n  secrets = [\""+testSecret+"\"]\n}", 1)
	r.start(sensitive + plugin("ops", "") + `
rule "broken" {
  on   = ["lab"]
  when = tonumber(event.id) > 1
  dispatch "ops" {}
}
`)
	if status := r.post("lab", "a-value-to-hide"); status != http.StatusNoContent {
		t.Fatalf("status %d", status)
	}
	if got := r.log.values("rule failed, delivery is a dead letter", "err"); len(got) != 1 || got[0] != "(sensitive)" {
		t.Errorf("err %q", got)
	}
	if got := r.log.values("rule failed, delivery is a dead letter", "rule"); len(got) != 1 || got[0] != "broken" {
		t.Errorf("rule %q", got)
	}
}

// A shadow rule delivers nothing. Its events count as unmatched, its failures are counted, and the first one is logged.
func TestShadowRule(t *testing.T) {
	r := newRig(t)
	r.start(baseConfig + plugin("ops", "") + `
rule "next" {
  on   = ["lab"]
  when = event.id != "none"
  mode = "shadow"
  dispatch "ops" {}
}
rule "fails" {
  on   = ["lab"]
  when = tonumber(event.id) > 1
  mode = "shadow"
  dispatch "ops" {}
}
rule "off" {
  on      = ["lab"]
  when    = true
  enabled = false
  dispatch "ops" {}
}
`)
	for _, id := range []string{"a", "b"} {
		if status := r.post("lab", id); status != http.StatusNoContent {
			t.Fatalf("status %d", status)
		}
	}
	const line = "shadow rule failed; its next failures are counted and not logged"
	for key, want := range map[string]string{"level": "WARN", "rule": "fails", "plugin": "ops", "source": "lab", "event_id": "a"} {
		if got := r.log.values(line, key); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want one %q", key, got, want)
		}
	}
	page, err := r.journal.Deliveries(t.Context(), journal.DeliveryQuery{})
	if err != nil || len(page.Deliveries) != 0 {
		t.Errorf("deliveries %+v, %v, want none", page.Deliveries, err)
	}
	status, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rule := range status.GetRules() {
		got = append(got, fmt.Sprint(rule.GetName(), " ", rule.GetMode(), ": ", rule.GetMatched(), " ", rule.GetShadow(), " ", rule.GetFailed(), " ", rule.GetNotMatched()))
	}
	want := []string{"next shadow: 0 2 0 0", "fails shadow: 0 0 2 0", "off disabled: 0 0 0 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
