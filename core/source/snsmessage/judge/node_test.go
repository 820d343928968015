// Package judge lets programs of others judge what snsmessage and the source of kind sns do: Amazon's own validator, and two
// emulators that deliver for real. They are installed by `make servers`.
package judge

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/pointsman/pointsman/core/source"
)

// withoutNode is the environment variable that leaves out the tests that need Node.js.
const withoutNode = "POINTSMAN_TEST_NO_NODE"

// node returns a command that runs a script of testdata with what is installed in .cache/node. It fails the test when nothing is.
func node(t *testing.T, script string, env ...string) *exec.Cmd {
	t.Helper()
	if os.Getenv(withoutNode) == "1" {
		t.Skip("left out: " + withoutNode + "=1")
	}
	modules, err := filepath.Abs("../../../../.cache/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "sns-validator")); err != nil {
		t.Fatalf("%v: run `make servers`; %s=1 leaves this test out", err, withoutNode)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", script))
	cmd.Env = append(os.Environ(), append(env, "NODE_PATH="+modules)...)
	return cmd
}

// start runs a server until the test ends, and returns when it answers at address.
func start(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what it said tells more
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s", cmd, said.String())
		}
	})
	until(t, cmd.String()+" at "+address, func() bool {
		select {
		case <-ended:
			t.Fatalf("%s has ended", cmd)
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// until polls; the test fails when ok does not say yes in time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in time", what)
		case <-tick.C:
		}
	}
}

func freeAddress(t *testing.T) (host, port string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), port
}

// snsClient speaks to an emulator.
func snsClient(address string) *sns.Client {
	return sns.New(sns.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
}

// memory is an Intake that keeps events.
type memory struct {
	mu     sync.Mutex
	events []source.Event
}

func (m *memory) Accept(_ context.Context, events []source.Event) ([]source.Accepted, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, events...)
	return make([]source.Accepted, len(events)), nil
}

func (m *memory) all() []source.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.events
}

// endpoint is a source that listens, and what it answered.
type endpoint struct {
	memory
	url string

	mu      sync.Mutex
	answers []string
}

// serve lets a source listen. Its answers are noted as method and status.
func (e *endpoint) serve(t *testing.T, s http.Handler) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		s.ServeHTTP(noted, r)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.answers = append(e.answers, fmt.Sprint(noted.status))
	}))
	t.Cleanup(server.Close)
	e.url = server.URL + "/hooks/alarms"
}

func (e *endpoint) answered() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.answers
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
