package lsp

import (
	"fmt"
	"net/url"
	"path/filepath"
	"sort"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/config"
)

// document is the text of a file with its outline.
type document struct {
	path    string
	text    []byte
	lines   []int // where each line starts
	outline *config.Outline
}

func newDocument(path string, text []byte) *document {
	d := &document{path: path, text: text, lines: []int{0}, outline: config.ReadOutline(text)}
	for i, c := range text {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	return d
}

// offset is that of a position; one behind the end of its line or of the text is the end.
func (d *document) offset(p position) int {
	if p.Line < 0 || p.Line >= len(d.lines) {
		return len(d.text)
	}
	at := d.lines[p.Line]
	for units := 0; at < len(d.text) && d.text[at] != '\n' && units < p.Character; {
		r, size := utf8.DecodeRune(d.text[at:])
		units += utf16Units(r)
		at += size
	}
	return at
}

// position is that of an offset.
func (d *document) position(offset int) position {
	offset = max(0, min(offset, len(d.text)))
	line := sort.SearchInts(d.lines, offset+1) - 1
	p := position{Line: line}
	for at := d.lines[line]; at < offset; {
		r, size := utf8.DecodeRune(d.text[at:])
		p.Character += utf16Units(r)
		at += size
	}
	return p
}

// span is the range between two offsets.
func (d *document) span(start, end int) textRange {
	return textRange{d.position(start), d.position(end)}
}

func utf16Units(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}

// pathOf is the file of a URI.
func pathOf(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return "", fmt.Errorf("%.200q is not the URI of a file", uri)
	}
	return filepath.Clean(filepath.FromSlash(u.Path)), nil
}

func uriOf(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
