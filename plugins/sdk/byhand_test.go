package sdk_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// byHand runs the program as a person does.
func byHand(t *testing.T, kind string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = []string{childEnv + "=" + kind}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestByHand(t *testing.T) {
	tests := []struct {
		kind, args     string
		code           int
		stdout, stderr string // a part
	}{
		{"plain", "", 1, "", "pointsman-plugin-test is a plugin of Pointsman. The router starts it"},
		{"plain", "version", 0, "pointsman-plugin-test 1.2.3 (sdk go 0.1.0)\n", ""},
		{"plain", "--version", 0, "pointsman-plugin-test 1.2.3", ""},
		{"plain", "--help", 0, "token = env(\"TEST_TOKEN\")", ""},
		{"plain", "greet you", 0, "hello [you]\n", ""},
		{"plain", "greet", 1, "hello []\n", "pointsman-plugin-test greet: whom?\n"},
		{"plain", "gret", 2, "", "no command \"gret\"; `pointsman-plugin-test help` lists them"},
		{"reserved", "describe", 1, "", `pointsman-plugin-reserved: invalid plugin definition: argument "retry": the name is reserved for the router`},
	}
	for _, tt := range tests {
		stdout, stderr, code := byHand(t, tt.kind, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) || (tt.stderr == "") != (stderr == "") {
			t.Errorf("%s %q: exit %d\nstdout: %s\nstderr: %s", tt.kind, tt.args, code, stdout, stderr)
		}
	}
}

func TestDescribe(t *testing.T) {
	stdout, _, code := byHand(t, "plain", "describe")
	var d pluginv1.DescribeResponse
	if err := protojson.Unmarshal([]byte(stdout), &d); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %s", code, err, stdout)
	}
	if d.GetName() != "test" || d.GetVersion() != "1.2.3" || d.GetSdk() != "go 0.1.0" || d.GetLimits().GetMaxInFlight() != 64 ||
		len(d.GetSettings().GetBlocks()) != 1 || len(d.GetArguments().GetAttributes()) != 2 || d.GetCapabilities()[0] != pluginv1.Capability_CAPABILITY_STREAM {
		t.Errorf("got %v", &d)
	}
	if !strings.Contains(stdout, `"default_json": "1"`) {
		t.Errorf("want the names of the .proto file: %s", stdout)
	}
	if again, _, _ := byHand(t, "plain", "describe"); again != stdout {
		t.Error("it is not the same twice")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(stdout)); err != nil {
		t.Error(err)
	}
}
