package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// The router is found by its configuration, which may be wrong: people ask for the status in order to mend it.
func TestRouterOfConfiguration(t *testing.T) {
	_, socket := startFake(t)
	dir := filepath.Dir(socket)
	for name, text := range map[string]string{
		"right":            `journal { path = "` + dir + `/journal.db" }`,
		"unknown plugin":   `journal { path = "` + dir + `/journal.db" }` + "\n" + `plugin "none" "x" { path = "` + dir + `/none" }`,
		"secret not set":   `journal { path = "` + dir + `/journal.db" }` + "\n" + `source "intdash" "lab" { secrets = [env("NO_SUCH_SECRET")] }`,
		"syntax error":     `journal { path = "` + dir + `/journal.db" }` + "\nrule \"half\" {\n  when = (\n",
		"given a variable": "variable \"dir\" {}\n" + `journal { path = "${var.dir}/journal.db" }`,
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "config.hcl")
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, problems := command(t.Context(), "events", "list", "--config", config, "--var", "dir="+dir)
			if code != exitOK || !strings.Contains(out, "c0ffee") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, out, problems)
			}
		})
	}
}

// Over TCP the API wants a token, which comes from a file or the environment.
func TestToken(t *testing.T) {
	router := &fakeRouter{health: adminv1.Health_HEALTH_OK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer only-for-this-test" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		router.handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("only-for-this-test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(wrong, []byte("another-one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, variable string
		args           []string
		code           int
		stderr         string
	}{
		{"none", "", nil, exitAuth, "wants a token: set POINTSMAN_ADMIN_TOKEN"},
		{"variable", "only-for-this-test", nil, exitOK, ""},
		{"file", "", []string{"--token-file", file}, exitOK, ""},
		{"file before variable", "wrong", []string{"--token-file", file}, exitOK, ""},
		{"wrong", "wrong", nil, exitAuth, "refuses the token (from POINTSMAN_ADMIN_TOKEN): it is not one of its admin.tokens"},
		{"wrong file", "", []string{"--token-file", wrong}, exitAuth, "refuses the token (from --token-file " + wrong},
		{"no file", "", []string{"--token-file", file + "x"}, exitUsage, "no such file"},
		{"two words", "two words", nil, exitUsage, "POINTSMAN_ADMIN_TOKEN: a token is one word"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(tokenVariable, test.variable)
			code, _, problems := command(t.Context(), append([]string{"status", "--url", server.URL + "/"}, test.args...)...)
			if code != test.code || !strings.Contains(problems, test.stderr) || test.stderr == "" && problems != "" {
				t.Errorf("exit code %d, want %d; stderr %q, want %q", code, test.code, problems, test.stderr)
			}
			if strings.Contains(problems, "only-for-this-test") || strings.Contains(problems, "another-one") ||
				test.variable != "" && strings.Contains(problems, test.variable) {
				t.Errorf("the token is printed: %q", problems)
			}
		})
	}
}

// What keeps a command from the router is said with what to do.
func TestUnreachable(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead.sock") // a socket that nobody listens on any more
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, test := range []struct {
		name   string
		args   string
		code   int
		stderr []string
	}{
		{"no socket", "status --socket " + dir + "/none.sock", exitUnreachable, []string{"no router answers at " + dir + "/none.sock: there is no such socket", "pointsman run"}},
		{"no journal to read", "reload --socket " + dir + "/none.sock", exitUnreachable, []string{"pointsman run config.hcl\n"}},
		{"nothing to follow", "events tail --socket " + dead, exitUnreachable, []string{"Error: no router answers"}},
		{"nobody listens", "status --socket " + dead, exitUnreachable, []string{"connection refused"}},
		{"no configuration", "status --config " + dir + "/none.hcl", exitUnreachable, []string{"none.hcl", "--config", "--socket"}},
		{"refused", "status --url " + closed.URL, exitUnreachable, []string{"connection refused", "listen and tokens"}},
		{"no API", "status --url " + other.URL, exitFailed, []string{"it needs tokens"}},
		{"two places", "status --socket x --url http://x", exitUsage, []string{"only one of"}},
		{"no address", "status --url 127.0.0.1:8081", exitUsage, []string{"http://127.0.0.1:8081"}},
		{"token without address", "status --token-file x", exitUsage, []string{"--token-file is for --url"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out, problems := command(t.Context(), strings.Fields(test.args)...)
			if code != test.code || out != "" {
				t.Errorf("exit code %d, want %d; stdout %q", code, test.code, out)
			}
			if strings.Contains(problems, "Following") {
				t.Errorf("follows nothing: stderr %q", problems)
			}
			for _, want := range test.stderr {
				if !strings.Contains(problems, want) {
					t.Errorf("stderr %q lacks %q", problems, want)
				}
			}
		})
	}
}

// A socket of another user says whose it is. Root, who runs some of the tests, may open every socket.
func TestSocketOfAnotherUser(t *testing.T) {
	dir := t.TempDir()
	e := endpoint{name: "x", socket: filepath.Join(dir, "hidden", "admin.sock")}
	err := e.unreachable(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", fs.ErrPermission)})
	if want := fmt.Sprintf("(uid %d)", os.Getuid()); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Run the command as that user") {
		t.Errorf("error %q", err)
	}
	if err := e.explain(errors.New("other")); err.Error() != "other" {
		t.Errorf("another error became %q", err)
	}
}

func TestCompletion(t *testing.T) {
	_, socket := startFake(t)
	for args, want := range map[string]string{
		"events list --plugin ":        "mail\nops\nold\n",
		"dead retry --rule ":           "measurement-done\nshout\nnew\nteam[\"eu\"]\nrest\n",
		"events tail --source l":       "lab\nchat\n",
		"events list --state ":         "pending\ndone\ndead\nunmatched\nquarantined\n",
		"dead list --reason ":          "rejected\nretries_exhausted\nmax_age\npoison\nbad_result\nrule_error\n",
		"dead retry --since ":          "",
		"events list --rule ":          "measurement-done\nshout\nnew\nteam[\"eu\"]\nrest\n",
		"events list --json --source ": "lab\nchat\n",
		"replay --rule ":               "measurement-done\nshout\nnew\nteam[\"eu\"]\nrest\n",
		"plugins restart ":             "mail\nops\nold\n",
		"plugins logs ":                "mail\nops\nold\n",
		"plugins logs ops ":            "",
		"rooms list --source ":         "lab\nchat\n",
	} {
		t.Setenv("POINTSMAN_SOCKET", socket)
		line := append([]string{"__completeNoDesc"}, strings.Fields(args)...)
		if strings.HasSuffix(args, " ") {
			line = append(line, "")
		}
		code, out, _ := command(t.Context(), line...)
		if names := strings.TrimSuffix(out, ":4\n"); code != exitOK || names != want {
			t.Errorf("%q: exit code %d, completions %q, want %q", args, code, names, want)
		}
		t.Setenv("POINTSMAN_SOCKET", socket+".none")
		if code, out, problems := command(t.Context(), line...); code != exitOK || strings.Contains(problems, "Error") ||
			!strings.Contains(args, "state") && !strings.Contains(args, "reason") && out != ":4\n" {
			t.Errorf("%q without a router: exit code %d, stdout %q, stderr %q", args, code, out, problems)
		}
	}
}

// The socket's path is relative to the router's working directory, which is often the configuration's folder. A journal is recommended
// only if it exists.
func TestRouterOfAnotherFolder(t *testing.T) {
	_, socket := startFake(t)
	dir := filepath.Dir(socket)
	config := filepath.Join(dir, "config.hcl")
	for _, path := range []string{config, filepath.Join(dir, "gone.db")} {
		if err := os.WriteFile(path, []byte(`journal { path = "journal.db" }`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	for _, path := range []string{config, dir} {
		if code, out, problems := command(t.Context(), "events", "list", "--config", path); code != exitOK || !strings.Contains(out, "c0ffee") {
			t.Errorf("--config %s: exit code %d, stdout %q, stderr %q", path, code, out, problems)
		}
	}
	if err := os.WriteFile(config, []byte("journal { path = \"gone.db\" }\nadmin { socket = \"gone.sock\" }"), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	_, _, problems := command(t.Context(), "events", "list", "--config", config)
	for _, want := range []string{"at " + here + "/gone.sock:", "gone.sock is relative to the router's working directory", "--journal " + dir + "/gone.db"} {
		if !strings.Contains(problems, want) {
			t.Errorf("stderr %q lacks %q", problems, want)
		}
	}
	if err := os.Remove(filepath.Join(dir, "gone.db")); err != nil {
		t.Fatal(err)
	}
	if _, _, problems := command(t.Context(), "events", "list", "--config", config); strings.Contains(problems, "--journal") {
		t.Errorf("stderr %q recommends a journal that does not exist", problems)
	}
}

// What has fixed values or is named in the configuration is completed without a router. Files are offered where a file is meant.
func TestCompletionWithoutRouter(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.hcl")
	if err := os.WriteFile(config, []byte(`
source "intdash" "lab" { secrets = ["only-for-this-test-0123456789012"] }
source "intdash" "site" { secrets = [env("NO_SUCH_SECRET")] }
source "websocket" "chat" { tokens = ["only-for-this-test-0123456789012"] }
plugin "slack" "ops" {}
plugin "none" "mail" {}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"run --log-level ":                                 "debug\ninfo\nwarn\nerror\n:4",
		"run --log-format ":                                "auto\ntext\njson\n:4",
		"status --color ":                                  "auto\nalways\nnever\n:4",
		"send intdash --action ":                           "created\nupdated\ndeleted\ncompleted\n:4",
		"send sns --signature-version ":                    "1\n2\n:4",
		"send intdash --config " + config + " --source ":   "lab\nsite\n:4",
		"send websocket --config " + config + " --source ": "chat\n:4",
		"plugin run --config " + config + " ":              "ops\nmail\n:4",
		"plugin run --config " + config + " ops ":          ":4",
		"plugin run ops reconcile ":                        ":0",
		"send intdash --measurement ":                      ":4",
		"send intdash ":                                    ":4",
		"status ":                                          ":4",
		"version ":                                         ":4",
		"run ":                                             ":0",
		"validate ":                                        ":0",
		"doctor ":                                          ":0",
		"status --journal ":                                ":0",
		"send s3 --body ":                                  ":0",
	} {
		line := append([]string{"__completeNoDesc"}, append(strings.Fields(args), "")...)
		if code, out, _ := command(t.Context(), line...); code != exitOK || strings.TrimSpace(out) != want {
			t.Errorf("%q: exit code %d, completions %q, want %q", args, code, strings.TrimSpace(out), want)
		}
	}
}

// A backquote in the usage of a flag names its value, which is never meant.
func TestFlagUsageWithoutBackquotes(t *testing.T) {
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s: %s", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check(newRoot(streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard}))
}
