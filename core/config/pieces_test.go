package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// TestPieces: a long file means the same in pieces as it does as a whole.
func TestPieces(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "\n# Rule %d.\nrule \"r%d\" {\n  when = event.type == \"ü%d\" && { a = [%d, null] }.a[0] > 1.5\n  dispatch \"ops\" {\n    text = <<-EOT\n      ${event.id}\n    }\n    EOT\n  }\n}\n", i, i, i, i)
	}
	f := &file{name: "long.hcl"}
	f.setText([]byte(text.String()))
	if _, ok := f.parsePieces(f.text); len(split(f.text)) < 3 || !ok {
		t.Fatalf("%d pieces are not parsed", len(split(f.text)))
	}
	whole := &file{name: "long.hcl", text: f.text}
	if diags, _, refused := whole.parse(f.text, hcl.InitialPos); refused != nil || diags.HasErrors() {
		t.Fatal(refused, diags)
	}
	if !reflect.DeepEqual(f.body.Blocks, whole.body.Blocks) {
		t.Error("the pieces have other blocks than the whole")
	}
}

// TestPiecesOfNoBlock: where a text is cut within a block, it is parsed as a whole.
func TestPiecesOfNoBlock(t *testing.T) {
	long := "# " + strings.Repeat("a", pieceBytes) + "\n"
	for _, text := range []string{
		long + "locals {\n  a = <<EOT\n}\nb = 1\nEOT\n}\n",
		long + "/*\n}\n*/ locals {\n}\n",
		long + "locals {\n  a = {\n}\n}\n",
		long + "locals {\n}\na = 1\na = 2\n",
	} {
		f := &file{name: "long.hcl"}
		f.setText([]byte(text))
		if _, ok := f.parsePieces(f.text); len(split(f.text)) < 2 || ok {
			t.Errorf("parsed in pieces: %q", text[len(long):])
		}
	}
}
