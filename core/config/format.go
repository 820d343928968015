package config

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format is the text of a configuration file in the canonical style of HCL, which `terraform fmt` knows too. The same text comes
// back from formatting it again, and it means the same. It is nil when the diagnostics, which are never nil, have errors. name is for those.
func Format(name string, src []byte) ([]byte, *Diagnostics) {
	f, diags := parseFile(name, src)
	d := &Diagnostics{files: map[string]*file{name: f}}
	d.Append(diags...)
	if d.HasErrors() {
		return nil, d
	}
	text := bytes.TrimPrefix(src, bomUTF8)
	formatted := append([]byte{}, hclwrite.Format(text)...) // not nil when it is empty
	if !sameTokens(text, formatted) || !bytes.Equal(hclwrite.Format(formatted), formatted) {
		d.Append(errorAt(hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}, "Cannot format", "The text would not mean the same after it was formatted, so it is left as it is. This is a fault of Pointsman."))
		return nil, d
	}
	return formatted, d
}

// sameTokens reports whether two texts differ only in the white space between their tokens.
func sameTokens(a, b []byte) bool {
	return slices.EqualFunc(tokensOf(a), tokensOf(b), func(x, y hclsyntax.Token) bool {
		return x.Type == y.Type && bytes.Equal(bytes.TrimRight(x.Bytes, " \t\r\n"), bytes.TrimRight(y.Bytes, " \t\r\n"))
	})
}

func tokensOf(text []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos) // the text was parsed without errors
	return tokens
}

// FilesToFormat replaces folders by the *.hcl files in them, and with recursive by those in folders below too. Hidden folders are left out.
func FilesToFormat(paths []string, recursive bool) ([]string, *Diagnostics) {
	d := &Diagnostics{}
	if recursive {
		var below []string
		for _, path := range paths {
			below = append(below, path)
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				continue
			}
			err := filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
				switch {
				case err != nil:
					return err
				case !e.IsDir() || at == path:
					return nil
				case strings.HasPrefix(e.Name(), "."):
					return fs.SkipDir
				}
				below = append(below, at)
				return nil
			})
			if err != nil {
				d.Append(fileError(path, err))
			}
		}
		paths = below
	}
	names, diags := findFiles(paths, anyFile)
	for _, diag := range diags {
		if recursive && diag.Summary == "No configuration files" {
			continue
		}
		d.Append(diag)
	}
	return names, d
}

// FormatFile is Format for a file on disk. It also returns the text as it is.
func FormatFile(name string) (before, after []byte, _ *Diagnostics) {
	before, err := readLimited(name, maxFileBytes+1)
	if err != nil {
		d := &Diagnostics{}
		d.Append(fileError(name, err))
		return nil, nil, d
	}
	after, d := Format(name, before)
	return before, after, d
}
