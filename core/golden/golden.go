// Package golden runs tests whose cases are txtar archives: the files of a case, and a file "want" with what must come out. A new case
// is a new archive, whose "want" UPDATE=1 writes. No program imports it.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Archives calls run for each archive that matches a pattern, at least as many as least, and compares what it returns with the file
// "want", which it takes out of the archive before. Each case has a folder of its own as its working directory, empty at first.
func Archives(t *testing.T, pattern string, least int, run func(t *testing.T, a *txtar.Archive) []byte) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) < least {
		t.Fatalf("found %d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { archive(t, abs, run) })
	}
}

func archive(t *testing.T, path string, run func(t *testing.T, a *txtar.Archive) []byte) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var want []byte
	kept := a.Files[:0]
	for _, f := range a.Files {
		if f.Name == "want" {
			want = f.Data
			continue
		}
		kept = append(kept, f)
	}
	a.Files = kept
	got := run(t, a)
	if os.Getenv("UPDATE") != "" {
		a.Files = append(kept, txtar.File{Name: "want", Data: got})
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
