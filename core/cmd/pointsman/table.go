package main

import (
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// table aligns columns. Every cell is made printable.
type table struct {
	w *tabwriter.Writer
}

// newTable begins a table. Without heads it is a list of names and values.
func newTable(w io.Writer, heads ...string) *table {
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(heads) > 0 {
		t.row(heads...)
	}
	return t
}

// row adds a row. An empty cell is shown as "-", so that every row has the same number of words for simple tools.
func (t *table) row(cells ...string) {
	shown := make([]string, len(cells))
	for i, c := range cells {
		if shown[i] = printable(c); c == "" {
			shown[i] = "-"
		}
	}
	// A tabwriter keeps its first error for Flush.
	_, _ = io.WriteString(t.w, strings.Join(shown, "\t")+"\n")
}

// fact adds a name and its value, unless the value is empty.
func (t *table) fact(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

// flush prints the table.
func (t *table) flush() error { return t.w.Flush() }

// bytesText is a size in powers of 1024, "1.2 MiB".
func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// ink colours words, if it is on.
type ink bool

func (on ink) red(text string) string    { return on.paint("31", text) }
func (on ink) green(text string) string  { return on.paint("32", text) }
func (on ink) yellow(text string) string { return on.paint("33", text) }

func (on ink) paint(color, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
