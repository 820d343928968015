package mail

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openMaildir(t *testing.T) (*Maildir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "mail")
	d, err := OpenMaildir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

// files lists what is in a Maildir: "new/name".
func files(t *testing.T, path string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(path, p)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestMaildir(t *testing.T) {
	d, path := openMaildir(t)
	if err := d.Send(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new/abcdefgh-42.pointsman"}, files(t, path)); diff != "" {
		t.Fatal(diff)
	}
	text, err := os.ReadFile(filepath.Join(path, "new/abcdefgh-42.pointsman"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "\r") || !strings.HasSuffix(string(text), "\n\n"+statsText) {
		t.Errorf("got %q", text)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "new": 0o700, "cur": 0o700, "tmp": 0o700, "new/abcdefgh-42.pointsman": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// One delivery is one mail, however often it comes and whatever its reader did with it.
func TestMaildirOnce(t *testing.T) {
	d, path := openMaildir(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := d.Send(t.Context(), message(t)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]string{"new/abcdefgh-42.pointsman"}, files(t, path)); diff != "" {
		t.Fatal(diff)
	}
	read := filepath.Join(path, "cur", "abcdefgh-42.pointsman:2,S")
	if err := os.Rename(filepath.Join(path, "new/abcdefgh-42.pointsman"), read); err != nil {
		t.Fatal(err)
	}
	if err := d.Send(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cur/abcdefgh-42.pointsman:2,S"}, files(t, path)); diff != "" {
		t.Error(diff)
	}
	other := message(t)
	other.ID = "abcdefgh-4"
	if err := d.Send(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if got := files(t, path); len(got) != 2 {
		t.Errorf("an id that begins another one: %v", got)
	}
}

func TestMaildirRemovedMeanwhile(t *testing.T) {
	d, path := openMaildir(t)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := d.Send(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	if got := files(t, path); len(got) != 1 {
		t.Error(got)
	}
}

func TestMaildirNoPlace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMaildir(filepath.Join(file, "mail")); err == nil || !strings.Contains(err.Error(), "open maildir") {
		t.Errorf("got %v", err)
	}
}

func TestMaildirRemovesLitter(t *testing.T) {
	_, path := openMaildir(t)
	old, recent := filepath.Join(path, "tmp/old"), filepath.Join(path, "tmp/recent")
	for _, name := range []string{old, recent} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-37 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMaildir(path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"tmp/recent"}, files(t, path)); diff != "" {
		t.Error(diff)
	}
}
