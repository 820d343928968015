package testenv

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMissing fails where tests of other packages are skipped: a run that leaves something out is not a passed one.
func TestMissing(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(finders)) {
		if without(name) {
			t.Logf("left out by %s: %s", withoutVariable, name)
		} else if err := finders[name](); err != nil {
			t.Errorf("tests that need %s were left out: %v; %s=%s accepts that", name, err, withoutVariable, name)
		}
	}
}

func TestHave(t *testing.T) {
	missing := t.TempDir()
	if err := os.WriteFile(filepath.Join(missing, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(missing)
	tests := map[string]struct {
		name, require, without string
		wantErr                string
	}{
		"skipped":          {MinIO, "", "", ""},
		"required":         {MinIO, "1", "", "run `make servers`"},
		"required, except": {MinIO, "1", "exim,minio", ""},
		"unknown":          {"mini", "", "", "it is none of exim, minio"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(requireVariable, tt.require)
			t.Setenv(withoutVariable, tt.without)
			have, err := Have(tt.name)
			if have {
				t.Error("found in an empty folder")
			}
			if tt.wantErr == "" && err != nil || tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)) {
				t.Errorf("error %v, want %q", err, tt.wantErr)
			}
		})
	}
}
