package mailtest

import (
	_ "embed"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

//go:embed exim.conf
var eximConf string

const (
	eximPath = "/usr/sbin/exim4"
	eximUser = "Debian-exim"
)

// Exim is a running Exim 4 that demands STARTTLS and a login.
type Exim struct {
	Port int
	Cert Cert
	dir  string
}

// StartExim starts Exim in the foreground with a configuration of its own.
func StartExim(t testing.TB) *Exim {
	t.Helper()
	testenv.Need(t, testenv.Exim)
	e := &Exim{Port: freePort(t), Cert: NewCert(t), dir: folder(t)}
	conf := e.write(t)
	cmd := exec.Command(eximPath, "-C", conf, "-bdf", "-q10s")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(e.dir, "log", "mainlog"))
			t.Logf("output of exim: %s\n%s", out.String(), log)
		}
	})
	e.waitUntilUp(t)
	return e
}

// folder is a t.TempDir that another user can own: that one's parent lets only its owner in.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pointsman-exim-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// write fills the folder and returns the configuration's path. Exim drops root for its own user, who must own the folder.
func (e *Exim) write(t testing.TB) string {
	t.Helper()
	owner, err := user.Lookup(eximUser)
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("DIR", e.dir, "PORT", strconv.Itoa(e.Port), "USERNAME", Username, "USER", owner.Username,
		"SECRET", Password).Replace(eximConf)
	for name, text := range map[string]string{"exim.conf": conf, "cert.pem": string(e.Cert.CertPEM), "key.pem": string(e.Cert.KeyPEM)} {
		if err := os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"spool", "log", "mail"} {
		if err := os.Mkdir(filepath.Join(e.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	give(t, e.dir, owner)
	// Exim takes a configuration only from root.
	if err := os.Chown(filepath.Join(e.dir, "exim.conf"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(e.dir, "exim.conf"), 0o644); err != nil { // Exim reads it again as its own user
		t.Fatal(err)
	}
	return filepath.Join(e.dir, "exim.conf")
}

func give(t testing.TB, dir string, to *user.User) {
	t.Helper()
	uid, errUID := strconv.Atoi(to.Uid)
	gid, errGID := strconv.Atoi(to.Gid)
	if errUID != nil || errGID != nil {
		t.Fatal(errUID, errGID)
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (e *Exim) waitUntilUp(t testing.TB) {
	t.Helper()
	Until(t, "exim to listen", func() bool {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port)), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Mails waits for n mails to be delivered into the Maildir and returns their texts.
func (e *Exim) Mails(t testing.TB, n int) []string {
	t.Helper()
	var names []string
	Until(t, "exim to deliver "+strconv.Itoa(n)+" mails", func() bool {
		names, _ = filepath.Glob(filepath.Join(e.dir, "mail", "new", "*"))
		return len(names) >= n
	})
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// Until polls, and fails the test after 20 s.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}
