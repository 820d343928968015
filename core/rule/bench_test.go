package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const benchRule = `
rule "big-photos" {
  on   = ["bucket"]
  when = event.type == "s3.object.created" && startswith(event.data.object.key, "photos/") && event.data.object.size > 1 * mb
  dispatch "ops" {
    text    = "New photo ${event.data.object.bucket}/${event.data.object.key} of ${event.data.object.size} bytes"
    channel = event.data.region
  }
}
`

func benchEvent() *pointsmanv1.Envelope {
	size := int64(5 << 20)
	return &pointsmanv1.Envelope{
		Id: "01", Source: "bucket", Kind: "s3", Type: "s3.object.created", Subject: "media/photos/2026/11/dog.jpg",
		TimeUnixNano: 1e18, ReceivedUnixNano: 1e18 + 1,
		Data: &pointsmanv1.Envelope_S3{S3: &pointsmanv1.S3Event{
			EventName: "ObjectCreated:Put", Region: "eu-north-1",
			Object: &pointsmanv1.S3Object{Bucket: "media", Key: "photos/2026/11/dog.jpg", Size: &size},
		}},
	}
}

const benchJSON = `{"source":"shop","detail":{"type":"order","id":9007199254740993,"lines":[{"sku":"a","n":1},{"sku":"b","n":2}],
 "customer":{"name":"Ada","tier":"gold"},"note":"` + "a note of some length that nobody looks at" + `"}}`

// configOf loads rules beside the sources and plugins of testdata/world.hcl.
func configOf(t testing.TB, rules string) *config.Config {
	t.Helper()
	path := t.TempDir() + "/rules.hcl"
	writeFile(t, path, []byte(rules))
	cfg, diags := config.Load(t.Context(), []string{path, "testdata/world.hcl"}, testOptions())
	if diags.HasErrors() {
		t.Fatal(diags.Error())
	}
	return cfg
}

func setOf(t testing.TB, rules string) *Set {
	t.Helper()
	set, diags := Compile(configOf(t, rules))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return set
}

// BenchmarkMatch is a whole event: a condition of three clauses, and a dispatch block with two arguments.
func BenchmarkMatch(b *testing.B) {
	run := func(name, rules string, env *pointsmanv1.Envelope, deliveries int) {
		b.Run(name, func(b *testing.B) {
			set := setOf(b, rules)
			b.ReportAllocs()
			for b.Loop() {
				if n := len(set.Match(env)); n != deliveries {
					b.Fatalf("%d deliveries", n)
				}
			}
		})
	}
	miss := benchEvent()
	miss.Type = "s3.object.removed"
	run("hit", benchRule, benchEvent(), 1)
	run("miss", benchRule, miss, 0)
	json := &pointsmanv1.Envelope{Source: "topic", Kind: "sns", Data: &pointsmanv1.Envelope_Sns{Sns: &pointsmanv1.SnsNotification{
		MessageJson: &pointsmanv1.Json{Text: []byte(benchJSON)},
	}}}
	run("json", `rule "gold" {
		on = ["topic"]
		when = event.data.message_json.detail.type == "order" && event.data.message_json.detail.customer.tier == "gold"
		dispatch "ops" {
			text = "Order ${event.data.message_json.detail.id} of ${event.data.message_json.detail.customer.name}"
		}
	}`, json, 1)
	many := &strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(many, `rule "r%d" {
			on = ["bucket"]
			when = event.type == "s3.object.created" && event.data.object.bucket == "media-%d"
			dispatch "ops" { text = "x" }
		}
		`, i, i)
	}
	run("1000-rules", many.String()+benchRule, benchEvent(), 1)
}

// BenchmarkCondition compares the condition of three clauses with HCL's own evaluator, in one run.
func BenchmarkCondition(b *testing.B) {
	cfg := configOf(b, benchRule)
	env := benchEvent()
	b.Run("compiled", func(b *testing.B) {
		c := &compiler{event: newEventType("s3").root, scope: cfg.Scope, source: cfg.Text}
		when := c.asBool(c.compile(cfg.Rules[0].When.(hclsyntax.Expression)), "when")
		f := newFrame(env, newEventType("s3"))
		b.ReportAllocs()
		for b.Loop() {
			if !when(f) {
				b.Fatal("no match")
			}
		}
	})
	b.Run("hcl", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx := cfg.Scope.NewChild()
			ctx.Variables = map[string]cty.Value{"event": ctyEvent(env)}
			v, diags := cfg.Rules[0].When.Value(ctx)
			if diags.HasErrors() || v.False() {
				b.Fatal(diags)
			}
		}
	})
	b.Run("hcl-value-only", func(b *testing.B) {
		ctx := cfg.Scope.NewChild()
		ctx.Variables = map[string]cty.Value{"event": ctyEvent(env)}
		b.ReportAllocs()
		for b.Loop() {
			if v, _ := cfg.Rules[0].When.Value(ctx); v.False() {
				b.Fatal("no match")
			}
		}
	})
}

// ctyEvent is `event` as HCL's evaluator sees it.
func ctyEvent(env *pointsmanv1.Envelope) cty.Value {
	event := newEventType(env.GetKind())
	f := newFrame(env, event)
	defer f.release()
	return toCty(event.root.val(f))
}
