// Package judge tests snsmessage and the sns source against third-party programs: Amazon's own validator and two emulators
// that deliver over HTTP. `make servers` installs them.
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
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// node returns a command that runs a script of testdata with the installed packages.
func node(t *testing.T, script string, env ...string) *exec.Cmd {
	t.Helper()
	testenv.Need(t, testenv.Node)
	modules, err := testenv.Cached("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", script))
	cmd.Env = append(os.Environ(), append(env, "NODE_PATH="+modules)...)
	return cmd
}

// start runs a server until the test ends, and returns once it responds at address.
func start(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its output has the cause
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("output of %s: %s", cmd, output.String())
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

// until polls ok; the test fails if ok does not become true in time.
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

// snsClient returns a client for an emulator.
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

// endpoint is a listening source that records its responses.
type endpoint struct {
	memory
	url string

	mu      sync.Mutex
	answers []string
}

// serve starts a listener for a source and records the status of each response.
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
