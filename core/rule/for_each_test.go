package rule

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkForEach loads and compiles a block of 5,000 rules.
func BenchmarkForEach(b *testing.B) {
	var items strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&items, "    team-%d = { channel = \"#c%d\", n = %d }\n", i, i, i+1)
	}
	for name, retry := range map[string]string{"constant": "3", "each": "each.value.n"} {
		b.Run(name, func(b *testing.B) {
			b.Chdir(b.TempDir())
			writeFile(b, "rules.hcl", []byte(`
source "s3" "bucket" {}
plugin "note" "ops" {}
rule "team" {
  for_each = {
`+items.String()+`  }
  on   = ["bucket"]
  when = event.type == "s3.object.created" && startswith(event.data.object.key, "${each.key}/")
  dispatch "ops" {
    text    = "${each.key}: ${event.data.object.key}"
    channel = each.value.channel
    retry {
      max_attempts = `+retry+`
    }
  }
}
`))
			b.ReportAllocs()
			for b.Loop() {
				if set, diags := load(b, "rules.hcl"); diags.HasErrors() || len(set.sources["bucket"].all) != 5000 {
					b.Fatal(diags.Error())
				}
			}
		})
	}
}
