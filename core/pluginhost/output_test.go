package pluginhost

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type lineSeen struct {
	Text string
	Cut  bool
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := []struct {
		name, in string
		want     []lineSeen
	}{
		{"nothing", "", nil},
		{"plain", "a\nb\r\n\nc", []lineSeen{{"a", false}, {"b", false}, {"", false}, {"c", false}}},
		{"long", "a\n" + long + long + "yyy\nb\n", []lineSeen{{"a", false}, {long, true}, {"b", false}}},
		{"long at the end", long + "yyy", []lineSeen{{long, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var read, written []lineSeen
			eachLine(strings.NewReader(tt.in), func(line []byte, cut bool) { read = append(read, lineSeen{string(line), cut}) })
			w := &lineWriter{fn: func(line []byte, cut bool) { written = append(written, lineSeen{string(line), cut}) }}
			for i := 0; i < len(tt.in); i += 1000 {
				_, _ = w.Write([]byte(tt.in[i:min(i+1000, len(tt.in))]))
			}
			w.flush()
			if diff := cmp.Diff(tt.want, read); diff != "" {
				t.Errorf("eachLine (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, written); diff != "" {
				t.Errorf("lineWriter (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	var tl tail
	for i := range 100 {
		tl.add(fmt.Appendf(nil, "line %d", i))
	}
	if got := tl.excerpt(); !strings.HasPrefix(got, "line 88\n") || !strings.HasSuffix(got, "\nline 99") {
		t.Errorf("excerpt is the wrong end:\n%s", got)
	}
	tl.add([]byte("panic: oh no"))
	for i := range 30 {
		tl.add(fmt.Appendf(nil, "\tmain.go:%d", i))
	}
	if got := tl.excerpt(); !strings.HasPrefix(got, "panic: oh no\n\tmain.go:0\n") || strings.Count(got, "\n") != excerptLines-1 {
		t.Errorf("excerpt is not the panic:\n%s", got)
	}
	for range 10 {
		tl.add([]byte(strings.Repeat("z", maxLine)))
	}
	if len(tl.buf) > 3*maxTail {
		t.Errorf("tail holds %d bytes", len(tl.buf))
	}
	for l := range strings.Lines(tl.excerpt()) {
		if len(l) > excerptColumns+5 {
			t.Errorf("a line of %d bytes", len(l))
		}
	}
}

func TestPlainLevel(t *testing.T) {
	for line, want := range map[string]slog.Level{
		"[ERROR] x": slog.LevelError, "[WARN] x": slog.LevelWarn, "[DEBUG] x": slog.LevelDebug, "[TRACE] x": levelTrace,
		"x": slog.LevelInfo, "[x": slog.LevelInfo, "[1,2,3,4,5,6,7] x": slog.LevelInfo, "": slog.LevelInfo,
	} {
		if got := plainLevel(line); got != want {
			t.Errorf("%q has level %v, want %v", line, got, want)
		}
	}
}
