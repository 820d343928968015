package mail

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openSent(t *testing.T, path string) *Sent {
	t.Helper()
	s, err := OpenSent(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent")
	s := openSent(t, path)
	s.Add("a-1", []string{"x@example.com"})
	s.Add("a-1", []string{"y@example.com"})
	s.Add("a-2", []string{"z@example.com"})
	// A crash in the middle of a line; the next line must not be glued to it.
	appendTo(t, path, `{"id":"a-3","to":["lo`)
	s = openSent(t, path)
	s.Add("a-4", []string{"w@example.com"})
	s = openSent(t, path)
	for id, want := range map[string][]string{
		"a-1": {"x@example.com", "y@example.com"}, "a-2": {"z@example.com"}, "a-3": nil, "a-4": {"w@example.com"},
	} {
		if diff := cmp.Diff(want, s.Reached(id)); diff != "" {
			t.Error(id, diff)
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// The file does not grow forever; what was written last is kept.
func TestSentIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent")
	s := openSent(t, path)
	long := strings.Repeat("x", 100_000)
	for i := range 50 {
		s.Add(fmt.Sprint(i), []string{long})
	}
	s = openSent(t, path)
	for _, name := range []string{path, path + ".old"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > maxSent+200_000 {
			t.Errorf("%s: %v, %v", name, info.Size(), err)
		}
	}
	if s.Reached("0") != nil || s.Reached("49") == nil || s.Reached("40") == nil {
		t.Error("the oldest should be forgotten, the newest not")
	}
}

func TestSentNoPlace(t *testing.T) {
	if _, err := OpenSent(filepath.Join(t.TempDir(), "missing", "sent"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}
