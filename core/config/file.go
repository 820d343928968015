package config

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/sync/errgroup"
)

// file is one parsed file.
type file struct {
	name string
	// text is the text for diagnostics: literals that may be secrets are overwritten.
	text []byte
	// sum is the SHA-256 of the text as it was read.
	sum    [sha256.Size]byte
	tokens hclsyntax.Tokens
	body   *hclsyntax.Body
	// secrets are the literals that look like secrets.
	secrets []hcl.Range
	// lines holds the offset of the first byte of each line.
	lines []int
}

// maxSyntaxErrors limits the errors of one file: after a syntax error, most others are consequences of it.
const maxSyntaxErrors = 10

// isConfiguration tells files of the configuration from those of tests.
func isConfiguration(name string) bool { return !IsTestFile(name) }

// anyFile wants both.
func anyFile(string) bool { return true }

// findFiles replaces directories by the *.hcl files in them that are wanted, in name order.
func findFiles(paths []string, wanted func(name string) bool) ([]string, hcl.Diagnostics) {
	var names []string
	var diags hcl.Diagnostics
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			diags = append(diags, fileError(path, err))
		case info.IsDir():
			found, err := filesIn(path, wanted)
			if err != nil {
				diags = append(diags, fileError(path, err))
			} else if len(found) == 0 {
				diags = append(diags, &hcl.Diagnostic{
					Severity: hcl.DiagError, Summary: "No configuration files",
					Detail: fmt.Sprintf("The directory %s has no *.hcl file.", path),
				})
			}
			names = append(names, found...)
		case !info.Mode().IsRegular():
			diags = append(diags, fileError(path, errNotRegular))
		case !wanted(path):
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "File of tests",
				Detail: fmt.Sprintf("%s has tests of rules and no configuration. Run them: pointsman test %s.", path, path),
			})
		default:
			names = append(names, path)
		}
	}
	return dropRepeats(names), diags
}

// filesIn returns the *.hcl files in a directory that are wanted.
func filesIn(dir string, wanted func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if filepath.Ext(name) != ".hcl" || e.Name()[0] == '.' || !wanted(name) {
			continue
		}
		// Stat follows links: mounted ConfigMaps are directories of links. A file that cannot be examined is reported when it is
		// read: without it, a reload would take its rules away.
		if info, err := os.Stat(name); err != nil || info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names, err
}

// dropRepeats keeps the first of files named twice, as in `pointsman validate . config.hcl`.
func dropRepeats(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		clean := filepath.Clean(name)
		repeated := seen[clean]
		seen[clean] = true
		return repeated
	})
}

func fileError(path string, err error) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Cannot read configuration",
		Detail: fmt.Sprintf("Reading %s: %s.", path, reason(err)),
	}
}

// reason strips operation and path from an error, because the sentence around it has them.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// checkedFile is a file with what is wrong with it.
type checkedFile struct {
	*file
	diags hcl.Diagnostics
}

// checkAll reads or parses files, several at a time: parsing takes most of the time of a load.
func checkAll[F any](given []F, check func(F) (*file, hcl.Diagnostics)) []checkedFile {
	files := make([]checkedFile, len(given))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range given {
		g.Go(func() error {
			files[i].file, files[i].diags = check(f)
			return nil
		})
	}
	_ = g.Wait() // nothing returns an error
	return files
}

// readFile reads and parses one file. The file is never nil: it is where its own diagnostics are shown.
func readFile(name string) (*file, hcl.Diagnostics) {
	b, err := readLimited(name, maxFileBytes+1)
	if err != nil {
		return &file{name: name, body: &hclsyntax.Body{}}, hcl.Diagnostics{fileError(name, err)}
	}
	return parseFile(name, b)
}

// readLimited reads a regular file, and of it at most limit bytes.
func readLimited(name string, limit int64) ([]byte, error) {
	// Stat comes first: opening a named pipe would wait for its writer.
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, limit))
}

var errNotRegular = errors.New("not a regular file")

func parseFile(name string, b []byte) (*file, hcl.Diagnostics) {
	f := &file{name: name, body: &hclsyntax.Body{}}
	text, diag := checkBytes(name, b)
	if diag != nil {
		return f, hcl.Diagnostics{diag}
	}
	f.setText(text)
	if warnings, ok := f.parsePieces(text); ok {
		return f, warnings
	}
	defer func() { f.tokens = nil }() // they are many times the text
	diags, warnings, refused := f.parse(text, hcl.InitialPos)
	if refused != nil {
		return f, hcl.Diagnostics{refused}
	}
	if diags.HasErrors() {
		if all := inBlocks(name, text, f.tokens); len(all) > len(diags) {
			diags = all
		}
		diags = understand(f.tokens, dropEchoes(diags))
	}
	if n := len(diags); n > maxSyntaxErrors {
		diags = diags[:maxSyntaxErrors]
		diags[maxSyntaxErrors-1].Detail += fmt.Sprintf(" (%d more errors in this file.)", n-maxSyntaxErrors)
	}
	return f, append(diags, warnings...)
}

// parse parses a part of the text that begins at start. It returns the parser's diagnostics, warnings about secrets, and why the
// parser was not asked, if it was not.
func (f *file) parse(text []byte, start hcl.Pos) (diags, warnings hcl.Diagnostics, refused *hcl.Diagnostic) {
	f.tokens, _ = hclsyntax.LexConfig(text, f.name, start) // its errors come again from ParseConfig
	f.maskLikelySecrets()
	if diag := checkTokens(f.tokens); diag != nil {
		return nil, nil, diag
	}
	warnings = f.findSecrets()
	parsed, diags := hclsyntax.ParseConfig(text, f.name, start)
	if body, ok := parsed.Body.(*hclsyntax.Body); ok {
		f.body = body
	}
	return diags, warnings, nil
}

// dropEchoes keeps the first "Invalid multi-line string" of a file: a missing quote makes one of every line after it.
func dropEchoes(diags hcl.Diagnostics) hcl.Diagnostics {
	seen := false
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		echo := d.Summary == "Invalid multi-line string"
		drop := echo && seen
		seen = seen || echo
		return drop
	})
}

func (f *file) setText(text []byte) {
	f.text, f.sum = bytes.Clone(text), sha256.Sum256(text)
	f.lines = []int{0}
	for i, c := range f.text {
		if c == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
}

// slice returns the text of a range; empty for a range outside of the file.
func (f *file) slice(rng hcl.Range) string {
	if !rng.CanSliceBytes(f.text) {
		return ""
	}
	return string(rng.SliceBytes(f.text))
}

// line returns the text of line n, from 1, and the offset of its first byte.
func (f *file) line(n int) (text []byte, start int, ok bool) {
	if n < 1 || n > len(f.lines) {
		return nil, 0, false
	}
	start = f.lines[n-1]
	end := len(f.text)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	return bytes.TrimRight(f.text[start:end], "\r\n"), start, true
}

// context names the block at an offset: `plugin "slack" "ops"`.
func (f *file) context(offset int) string {
	i := sort.Search(len(f.body.Blocks), func(i int) bool { return f.body.Blocks[i].Range().End.Byte > offset })
	if i == len(f.body.Blocks) || f.body.Blocks[i].Range().Start.Byte > offset {
		return ""
	}
	return blockName(f.body.Blocks[i])
}

func blockName(b *hclsyntax.Block) string {
	var name strings.Builder
	name.WriteString(b.Type)
	for _, label := range b.Labels {
		fmt.Fprintf(&name, " %q", label)
	}
	return name.String()
}
