package server

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// variable makes this program a server at the address in its value.
const variable = "SERVER_TEST_ADDRESS"

func TestMain(m *testing.M) {
	if address := os.Getenv(variable); address != "" {
		log.Fatal(http.ListenAndServe(address, nil))
	}
	os.Exit(m.Run())
}

// Start kills a server that does not become ready.
func TestStartEndsWithContext(t *testing.T) {
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "60")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, cmd, "http://"+address); err == nil {
		t.Error("sleep got ready")
	}
	if cmd.ProcessState == nil {
		t.Error("it still runs")
	}
}

func TestStartAndStop(t *testing.T) {
	address, err := FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+address)
	p, err := Start(t.Context(), cmd, "http://"+address)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if err := p.Kill(); err == nil {
		t.Error("a process that has ended was killed")
	}
}

func TestEndsBeforeReady(t *testing.T) {
	if _, err := Start(t.Context(), exec.Command("false"), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "it ended (exit status 1)") {
		t.Errorf("got %v", err)
	}
}
