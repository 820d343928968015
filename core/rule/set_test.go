package rule

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestConcurrentMatch is for the race detector, and for frames that would keep something of the event before.
func TestConcurrentMatch(t *testing.T) {
	set := setOf(t, `rule "r" {
		on   = ["chat"]
		when = event.data.body.n >= 0
		dispatch "ops" {
			text     = "${event.id} ${event.data.body.n} ${join(",", [for x in event.data.body.l : "${x}-${event.id}"])}"
			order_by = event.data.room
		}
	}`)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				n := g*1000 + i
				env := &pointsmanv1.Envelope{Id: fmt.Sprint(n), Source: "chat", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{
					Room: fmt.Sprint("room", n), Body: &pointsmanv1.Json{Text: fmt.Appendf(nil, `{"n": %d, "l": [1, %d]}`, n, n)},
				}}}
				d := set.Match(env)
				want := fmt.Sprintf(`{"text":"%d %d 1-%d,%d-%d","channel":"#general"}`, n, n, n, n, n)
				if len(d) != 1 || string(d[0].Arguments) != want || d[0].OrderKey != fmt.Sprint("room", n) {
					t.Errorf("got %+v, want %s", d, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestConditionsDoNotAllocate holds for what rules are mostly made of. (Regular expressions do not either, but for the race
// detector, under which their pool forgets.)
func TestConditionsDoNotAllocate(t *testing.T) {
	cfg := configOf(t, "")
	env, event := benchEvent(), newEventType("s3")
	env.Attributes = []*pointsmanv1.Attribute{{Name: "tier", Value: "gold"}}
	for _, when := range []string{
		`event.type == "s3.object.created" && startswith(event.data.object.key, "photos/") && event.data.object.size > 1 * mb`,
		`event.data.region != "eu" || event.attributes.tier == "x"`,
		`contains(["a", "b"], event.data.region) || endswith(event.data.object.key, ".jpg")`,
		`event.data.object.size / 2 + 1 >= 2 && !(event.hop_count == 3)`,
		`event.hop_count > 0 ? event.type == "x" : contains(event.data.object.key, "2026")`,
		`event.data.object.version_id == "" && event.data.object.size != null`,
		`length(event.data.object.bucket) == 5`,
	} {
		e, _ := hclsyntax.ParseExpression([]byte(when), "when.hcl", hclStart)
		c := &compiler{event: event.root, scope: cfg.Scope, source: cfg.Text}
		condition := c.asBool(c.compile(e), "when")
		if c.diags.HasErrors() {
			t.Fatal(c.diags)
		}
		f := newFrame(env, event)
		if n := testing.AllocsPerRun(100, func() { condition(f) }); n != 0 || f.err != nil {
			t.Errorf("%s: %v allocations, %v", when, n, f.err)
		}
		f.release()
	}
}

func TestPolicy(t *testing.T) {
	set := setOf(t, `rule "r" {
		on   = ["lab"]
		when = true
		dispatch "ops" {
			text    = "x"
			timeout = "5s"
			retry {
				max_attempts = 7
				max_age      = "2h"
				min_backoff  = "2s"
				max_backoff  = "1m"
			}
		}
	}`)
	env := &pointsmanv1.Envelope{Source: "lab", Data: &pointsmanv1.Envelope_Intdash{Intdash: &pointsmanv1.IntdashEvent{}}}
	got := set.Match(env)
	want := &journal.Policy{MaxAttempts: 7, MaxAge: 2 * time.Hour, MinBackoff: 2 * time.Second, MaxBackoff: time.Minute, Timeout: 5 * time.Second}
	if len(got) != 1 || !cmp.Equal(got[0].Policy, want) {
		t.Errorf("got %+v", got)
	}
}

// TestSensitiveArguments names what the plugin's schema marks, in deliveries that succeed and in those that fail.
func TestSensitiveArguments(t *testing.T) {
	set := setOf(t, `
plugin "secretive" "vault" {}
rule "r" {
	on   = ["lab"]
	when = true
	dispatch "vault" {
		token = event.id
		auth {
			inner {
				key = event.id
			}
		}
	}
	dispatch "vault" {
		token = event.id == "fails" ? event.data.extra.a + 1 : "x"
	}
	dispatch "ops" { text = "x" }
}
rule "fails" {
	on   = ["lab"]
	when = event.data.extra.a > 1
	dispatch "vault" {}
}`)
	env := &pointsmanv1.Envelope{Id: "fails", Source: "lab", Data: &pointsmanv1.Envelope_Intdash{Intdash: &pointsmanv1.IntdashEvent{
		Extra: &pointsmanv1.Json{Text: []byte(`{"a": "text"}`)},
	}}}
	var got []string
	for _, d := range set.Match(env) {
		got = append(got, fmt.Sprint(d.Plugin, ": ", d.Sensitive, ": ", d.Err != nil))
	}
	const names = "token auth.password auth.inner.key"
	want := []string{"vault: " + names + ": false", "vault: " + names + ": true", "ops: : false", "vault: " + names + ": true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestCompilePartialConfig compiles what Load leaves of a configuration with errors: nothing panics, nothing is reported twice.
func TestCompilePartialConfig(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/a.hcl", []byte(`
source "s3" "bucket" {}
plugin "missing" "gone" {}
plugin "note" "ops" {}
locals {
	broken = nonsense(1)
	object = { a = local.broken }
}
rule "no-when" {
	on = ["bucket"]
	dispatch "ops" { text = event.typ }
}
rule "no-source" {
	on   = ["other"]
	when = event.typ == "x"
	dispatch "ops" { text = "x" }
}
rule "broken-local" {
	on   = ["bucket"]
	when = event.type == local.broken && upper(local.object.a) == "x" && event.id == local.object
	dispatch "ops" { text = "${local.broken} ${local.nope}" }
}
rule "not-described" {
	on   = ["bucket"]
	when = true
	dispatch "gone" {
		anything = event.type
		block {
			n = event.hop_count
		}
		block {}
	}
}
`))
	cfg, _ := config.Load(t.Context(), []string{dir}, testOptions())
	set, diags := Compile(cfg)
	var got []string
	for _, d := range diags {
		got = append(got, fmt.Sprintf("%d: %s", d.Subject.Start.Line, d.Summary))
	}
	if diff := cmp.Diff([]string{"11: Unknown attribute", "21: Unknown attribute"}, got); diff != "" {
		t.Errorf("-want +got\n%s\n%v", diff, diags)
	}
	deliveries := set.Match(benchEvent())
	if len(deliveries) != 1 || string(deliveries[0].Arguments) != `{"anything":"s3.object.created","block":[{"n":0},{}]}` {
		t.Errorf("got %+v", deliveries)
	}
}
