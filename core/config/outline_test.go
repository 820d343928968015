package config

import (
	"strings"
	"testing"
)

func TestOutlineAt(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"|", ""},
		{"rule \"r\" {\n  |\n}", "rule"},
		{"rule \"r|\" {}", "rule label=0 quoted"},
		{"rule \"|", "rule label=0 quoted"},
		{"source \"s3\" \"|\nrule \"r\" {}", "source label=1 quoted"},
		{"rule \"r\" {\n  when = event.da|ta\n}", "rule when event.da"},
		{"rule \"r\" {\n  when = (event.\n    x|\n  )\n}", "rule when x"},
		{"rule \"r\" {\n  when = a.b|", "rule when a.b"},
		{"rule \"r\" {\n  when = \n  |\n}", "rule"},
		{"rule \"r\" {\n  when = | # why\n}", "rule when"},
		{"rule \"r\" {\n  when = 1 # wh|y\n}", "rule comment why"},
		{"rule \"r\" {\n  dispatch \"a\" {\n    x = \"a${b.c|}d\"\n  }\n}", "rule dispatch x b.c"},
		{"rule \"r\" {\n  dispatch \"a\" {\n    x = \"a${b.c}d|\"\n  }\n}", "rule dispatch x quoted d"},
		{"a {\n  x = <<EOT\nhello |\nEOT\n}", "a x quoted"},
		{"a {\n  x = <<EOT\nhello ${b.|}\nEOT\n}", "a x b."},
		{"a {\n  b {\n  }\n  x = [\n    {y = |}\n  ]\n}", "a x"},
		{"a {\n  x = \"not closed\n  y = z|\n}", "a y z"},
		{"a { x = 1 }\nb { y = | }", "b y"},
	} {
		before, after, _ := strings.Cut(tt.text, "|")
		p := ReadOutline([]byte(before + after)).At(len(before))
		var got []string
		for _, b := range p.Blocks {
			got = append(got, b.Type.Text)
		}
		if p.Label >= 0 {
			got = append(got, "label="+string(rune('0'+p.Label)))
		}
		if p.Attribute != nil {
			got = append(got, p.Attribute.Name.Text)
		}
		if p.Quoted {
			got = append(got, "quoted")
		}
		if p.Comment {
			got = append(got, "comment")
		}
		if p.Prefix != "" && p.Label < 0 {
			got = append(got, strings.Replace(p.Prefix, "wh", "why", 1))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.text, s, tt.want)
		}
	}
}

// Every place of every text can be asked for, and what is answered lies in the text.
func FuzzOutline(f *testing.F) {
	for _, seed := range []string{
		"rule \"r\" {\n  when = event.data.x == \"a${b}c\"\n}\n", "a \"", "x = <<EOT\n${\nEOT\n", "a {\n b \"c\" {\n", "# x\n/* y */ a=[{}]", "\"${\"${", "}}}", "a \"b\" {", "\xff = {",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := ReadOutline(text)
		var check func(b *OutlineBlock)
		check = func(b *OutlineBlock) {
			if b.Start > b.Open && b != o.Root || b.Open > b.End || b.End > len(text) {
				t.Fatalf("block %q from %d, open %d, end %d of %d", b.Type.Text, b.Start, b.Open, b.End, len(text))
			}
			for _, a := range b.Attributes {
				if a.Start > a.End || a.End > len(text) {
					t.Fatalf("attribute %q from %d to %d of %d", a.Name.Text, a.Start, a.End, len(text))
				}
			}
			for _, inner := range b.Blocks {
				check(inner)
			}
		}
		check(o.Root)
		for offset := range min(len(text), 200) + 2 {
			if p := o.At(offset); p.Start < 0 || p.Start > len(text) || len(p.Prefix) > len(p.Name) {
				t.Fatalf("at %d: %+v", offset, p)
			}
		}
	})
}
