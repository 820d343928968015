// Package testenv finds the foreign programs that tests run, and decides what a test does where one is missing.
//
// `make test` installs all of them and sets POINTSMAN_TEST_REQUIRE=1: a missing program then fails every test that needs it. A
// plain `go test` skips those tests instead, and the test of this package fails with a list of what is missing, so that nothing
// is left out unnoticed. POINTSMAN_TEST_WITHOUT=exim,node accepts in both cases that these programs are missing.
package testenv

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Environment variables; see the package comment.
const (
	requireVariable = "POINTSMAN_TEST_REQUIRE"
	withoutVariable = "POINTSMAN_TEST_WITHOUT"
)

// Names of programs.
const (
	Exim      = "exim"      // the mail server exim4, which needs root
	MinIO     = "minio"     // an S3 server
	Mount     = "mount"     // file systems of a test's own, which need root
	Moto      = "moto"      // a simulator of AWS in Python
	Node      = "node"      // Node.js 22 with the packages of .tools/node
	Rclone    = "rclone"    // copies and compares buckets
	SQLite    = "sqlite3"   // the command-line tool
	Strace    = "strace"    // makes system calls fail
	VersityGW = "versitygw" // an S3 server
)

// finders return an error that says how to install a program, or nil if it is there.
var finders = map[string]func() error{
	Exim:      func() error { return errors.Join(isRoot(), installed("exim4", "exim4-daemon-light")) },
	MinIO:     func() error { return cached("servers/minio") },
	Mount:     func() error { return errors.Join(isRoot(), installed("mkfs.ext4", "e2fsprogs")) },
	Moto:      findMoto,
	Node:      func() error { return cached("node/installed") },
	Rclone:    func() error { return installed("rclone", "rclone") },
	SQLite:    func() error { return installed("sqlite3", "sqlite3") },
	Strace:    func() error { return installed("strace", "strace") },
	VersityGW: func() error { return cached("servers/versitygw") },
}

// Need skips the test, or fails it, if one of the programs is missing.
func Need(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		have, err := Have(name)
		if err != nil {
			t.Fatal(err)
		}
		if !have {
			t.Skipf("left out: %s is missing", name)
		}
	}
}

// Have reports whether a program is there. It returns an error if the program is unknown, or required and missing. It serves as
// the condition of testscripts: [node], [!node].
func Have(name string) (bool, error) {
	find, known := finders[name]
	if !known {
		return false, fmt.Errorf("unknown program %q: it is none of %s", name, strings.Join(slices.Sorted(maps.Keys(finders)), ", "))
	}
	if without(name) {
		return false, nil
	}
	err := find()
	if err != nil && os.Getenv(requireVariable) != "" {
		return false, fmt.Errorf("%s is missing: %w; or set %s=%s to leave out what needs it", name, err, withoutVariable, name)
	}
	return err == nil, nil
}

func without(name string) bool {
	return slices.Contains(strings.Split(os.Getenv(withoutVariable), ","), name)
}

// Cached returns the path of a file below .cache in the repository, where `make servers` installs programs, or an error if it is not
// there. The repository is the folder of go.mod at or above the working directory.
func Cached(name string) (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(dir, ".cache", name)
			if _, err := os.Stat(path); err != nil {
				return "", fmt.Errorf("run `make servers` (%w)", err)
			}
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod at or above %s", start)
		}
	}
}

func cached(name string) error {
	_, err := Cached(name)
	return err
}

// installed looks for a program of a Debian package.
func installed(program, debian string) error {
	_, err := exec.LookPath(program)
	if err != nil {
		_, err = exec.LookPath(filepath.Join("/usr/sbin", program)) // not in every user's PATH
	}
	if err != nil {
		return fmt.Errorf("run `apt-get install -y --no-install-recommends %s`, or `make test-servers` as root", debian)
	}
	return nil
}

func isRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("run the tests as root")
	}
	return nil
}

func findMoto() error {
	if err := exec.Command("python3", "-c", "import moto.server").Run(); err != nil {
		return errors.New("run `pip install 'moto[server]'`")
	}
	return nil
}
