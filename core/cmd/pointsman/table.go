package main

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// table aligns columns. Every cell is made printable.
type table struct {
	w    io.Writer
	rows [][]string
	// headed is whether the first row names the columns.
	headed bool
}

// newTable begins a table. Without heads it is a list of names and values.
func newTable(w io.Writer, heads ...string) *table {
	t := &table{w: w, headed: len(heads) > 0}
	if t.headed {
		t.row(heads...)
	}
	return t
}

// row adds a row. An empty cell is shown as "-", so that every row has the same number of words for simple tools.
func (t *table) row(cells ...string) {
	shown := make([]string, len(cells))
	for i, c := range cells {
		shown[i] = cmp.Or(printable(c), "-")
	}
	t.rows = append(t.rows, shown)
}

// fact adds a name and its value, unless the value is empty.
func (t *table) fact(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

// flush prints the table. On a terminal it cuts long cells to the terminal's width.
func (t *table) flush() error {
	if columns := terminalColumns(t.w); t.headed && columns > 0 {
		fit(t.rows, columns)
	}
	w := tabwriter.NewWriter(t.w, 0, 0, columnGap, ' ', 0)
	for _, row := range t.rows {
		// A tabwriter keeps its first error for Flush.
		_, _ = io.WriteString(w, strings.Join(row, "\t")+"\n")
	}
	return w.Flush()
}

const (
	columnGap = 2
	// minCut is how short a cut cell may be.
	minCut = 12
)

// cuttable are the heads of columns that may be cut, and how: ids in the middle, because both of their ends tell them apart, text at
// its end.
var cuttable = map[string]func(text string, n int) string{
	"ID": briefMiddle, "CONNECTION": briefMiddle, "TYPE": briefMiddle, "SUBJECT": briefMiddle, "POSITION": briefMiddle, "URL": brief,
	"ERROR": brief, "USER AGENT": brief,
}

// moments are the heads of columns with what moment returns.
var moments = []string{"RECEIVED", "DEAD SINCE", "CONNECTED"}

// fit shortens rows, the first of which holds the heads, to the width of a terminal. First it leaves out the exact times, then it
// cuts cells, those of the widest columns first, until the rows fit or nothing more can be cut.
func fit(rows [][]string, columns int) {
	if _, total := columnWidths(rows); total > columns {
		leaveOutTimes(rows)
	}
	heads := rows[0]
	widths, total := columnWidths(rows)
	for ; total > columns; total-- {
		widest := -1
		for i, head := range heads {
			if cuttable[head] != nil && widths[i] > max(minCut, len(head)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	for _, row := range rows[1:] {
		for i, head := range heads {
			if cut := cuttable[head]; cut != nil {
				row[i] = cut(row[i], widths[i])
			}
		}
	}
}

// columnWidths returns the widths of columns, and of a row.
func columnWidths(rows [][]string) (widths []int, total int) {
	widths, total = make([]int, len(rows[0])), -columnGap
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + columnGap
	}
	return widths, total
}

// leaveOutTimes leaves only how long ago it was: "2026-11-27T05:58:30Z (1m ago)" becomes "1m ago".
func leaveOutTimes(rows [][]string) {
	for _, row := range rows[1:] {
		for i, head := range rows[0] {
			if _, ago, ok := strings.Cut(row[i], " ("); ok && slices.Contains(moments, head) {
				row[i] = strings.TrimSuffix(ago, ")")
			}
		}
	}
}

// terminalColumns is the width of the terminal that w writes to, 0 if it is none.
func terminalColumns(w io.Writer) int {
	if p, ok := w.(*paragraph); ok {
		w = p.w
	}
	if !isTerminal(w) {
		return 0
	}
	return width(w)
}

// paragraph writes an empty line before what is written to it, if anything is.
type paragraph struct {
	w     io.Writer
	begun bool
}

// Write implements io.Writer.
func (p *paragraph) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		if _, err := io.WriteString(p.w, "\n"); err != nil {
			return 0, err
		}
	}
	return p.w.Write(b)
}

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
