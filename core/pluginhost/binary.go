package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// binary is a plugin's program as inspect found it on disk.
type binary struct {
	path   string // absolute, as configured: links are not followed
	sha256 string
	// insecure names the file or folder through which other users could change the program; empty: none.
	insecure string
}

// inspect finds the program of spec and checks it against the pin.
//
// Between this check and exec, anyone who may write to the file or to a folder above it can replace it. Therefore inspect
// refuses a pinned program that other users could change.
func inspect(spec Spec) (binary, error) {
	fail := func(reason error, format string, args ...any) (binary, error) {
		return binary{}, &StartError{Plugin: spec.Name, Path: spec.Path, Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(spec.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(ErrMissing, "no program at %s: build it (\"make build\"), or set path in its block or dir in the plugins block", spec.Path)
	case err != nil:
		return fail(ErrMissing, "%v", err)
	case !info.Mode().IsRegular():
		return fail(ErrNotExecutable, "%s is not a program: it is a %s", spec.Path, fileKind(info))
	case info.Mode()&0o111 == 0:
		return fail(ErrNotExecutable, "%s is not executable (%s): run \"chmod +x %s\"", spec.Path, info.Mode(), spec.Path)
	}
	b := binary{insecure: writableByOthers(spec.Path)}
	if b.path, err = filepath.Abs(spec.Path); err != nil {
		return fail(nil, "%v", err)
	}
	if b.sha256, err = hashFile(b.path); err != nil {
		return fail(nil, "read the program: %v", err)
	}
	if spec.SHA256 == "" {
		return b, nil
	}
	if !strings.EqualFold(b.sha256, spec.SHA256) {
		return fail(ErrChecksum, "%s has sha256 %s, the configuration pins %s: if the program was updated on purpose, update sha256 in its block",
			spec.Path, b.sha256, strings.ToLower(spec.SHA256))
	}
	if b.insecure != "" {
		return fail(ErrChecksum, "%s is pinned, but %s, so that they could replace the program after the check: run \"chmod go-w\" on it", spec.Path, b.insecure)
	}
	return b, nil
}

// Program describes a plugin's program on disk.
type Program struct {
	// SHA256 is its hash in hexadecimal.
	SHA256 string
	// Insecure says how users other than this one and root could change it; empty: they cannot.
	Insecure string
}

// Inspect describes a plugin's program. It checks the program as a start would; errors are StartErrors.
func Inspect(spec Spec) (Program, error) {
	b, err := inspect(spec)
	return Program{SHA256: b.sha256, Insecure: b.insecure}, err
}

func fileKind(info fs.FileInfo) string {
	if info.IsDir() {
		return "folder"
	}
	return "special file"
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writableByOthers returns the first of the program and the folders above it that group or world may write to, in words. A
// sticky folder such as /tmp is safe: other users cannot replace files of this one in it.
func writableByOthers(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return "its path cannot be resolved: " + err.Error()
	}
	for p := real; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		if err != nil {
			return err.Error()
		}
		if info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return fmt.Sprintf("other users may write to %s (%s)", p, info.Mode())
		}
		if p == filepath.Dir(p) {
			return ""
		}
	}
}
