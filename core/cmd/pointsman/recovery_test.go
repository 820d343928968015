package main

import (
	"errors"
	"io"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

const smtpConfig = `
server { listen = "SERVER" }
admin { listen = "ADMIN" }
plugins { dir = "BIN" }

source "intdash" "lab" {
  secrets = ["only-for-this-test-0123456789012"]
}

plugin "stats-email" "mail" {
  settings {
    data = "sample"
    via  = "smtp"
    from = "pointsman@example.com"
    smtp {
      host = "127.0.0.1"
      port = PORT
      tls  = "none"
    }
  }
}

rule "report" {
  on   = ["lab"]
  when = event.data.action == "completed"

  dispatch "mail" {
    to = ["ops@example.com"]
    retry {
      max_backoff = "2s"
    }
  }
}
`

// The router dies between its 204 and the mail. After a restart the mail arrives, once.
func TestRouterKilledBeforeMail(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	r := newRig(t, strings.Replace(smtpConfig, "PORT", strconv.Itoa(port), 1))
	r.start()
	r.send("--measurement", "1a14f158-2a0c-44c7-ace1-e0d21ecc93e9") // nobody takes mail yet
	r.kill(syscall.SIGKILL)

	box := serveMail(t, address)
	r.start()
	r.until("mail", func() bool { return len(box.all()) > 0 })
	r.until("settled", func() bool { return strings.Contains(r.metrics(), `pointsman_queue_pending{plugin="mail"} 0`) })
	if code := r.kill(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	mails := box.all()
	if len(mails) != 1 {
		t.Fatalf("%d mails, want 1", len(mails))
	}
	m, err := mail.ReadMessage(strings.NewReader(mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.ReplaceAll(string(body), "\r\n", "\n"), "Average: 99.506109\nUnbiased Variance: 243.961858\n"; got != want {
		t.Errorf("body %q, want %q", got, want)
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("Message-ID %q does not end with the sender's domain", id)
	}
}

const noopConfig = `
server { listen = "SERVER" }
admin { listen = "ADMIN" }
plugins { dir = "BIN" }

source "intdash" "lab" {
  secrets = ["only-for-this-test-0123456789012"]
}

plugin "noop" "sink" {
  settings { record = "delivered.txt" }
}

rule "all" {
  on   = ["lab"]
  when = true

  dispatch "sink" {
    text  = event.id
    mode  = "hang" # at the first attempt
    until = 1
  }
}
`

// Nothing outlives a router that was killed: no plugin, no orphan.
func TestRouterKilledLeavesNoPlugin(t *testing.T) {
	r := newRig(t, noopConfig)
	r.start()
	plugins := r.plugins()
	if len(plugins) == 0 {
		t.Fatal("the router runs no plugin process")
	}
	r.kill(syscall.SIGKILL)
	killed := time.Now()
	r.until("plugins gone", func() bool {
		return len(processes(t, func(s processStat) bool { return slices.Contains(plugins, s.pid) })) == 0
	})
	t.Logf("the plugins were gone %s after the router", time.Since(killed).Round(time.Millisecond))
}

// A plugin that is killed comes back, and what it had in hand is delivered again.
func TestPluginKilled(t *testing.T) {
	r := newRig(t, noopConfig)
	r.start()
	before := r.plugins()
	r.send()
	r.until("delivery under way", func() bool { return strings.Contains(r.metrics(), `pointsman_queue_pending{plugin="sink"} 1`) })
	for _, pid := range before {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	killed := time.Now()
	r.until("plugin back", func() bool {
		now := r.plugins()
		return len(now) > 0 && !slices.Contains(before, now[0]) && strings.Contains(r.metrics(), `pointsman_plugin_up{plugin="sink"} 1`)
	})
	t.Logf("the plugin was back after %s", time.Since(killed).Round(time.Millisecond))
	r.until("delivered", func() bool { return strings.Contains(r.metrics(), `pointsman_queue_pending{plugin="sink"} 0`) })
	record, err := os.ReadFile(filepath.Join(r.dir, "delivered.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if ids := strings.Fields(string(record)); len(ids) == 0 {
		t.Error("the plugin has recorded no delivery")
	}
	if m := r.metrics(); !strings.Contains(m, `pointsman_delivery_attempts_total{plugin="sink",result="done"} 1`) {
		t.Errorf("the delivery is not done:\n%s", m)
	}
}

// mailbox is what a real SMTP server (emersion/go-smtp) has taken.
type mailbox struct {
	mu    sync.Mutex
	mails []string
}

func (b *mailbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.mails...)
}

// NewSession implements smtp.Backend.
func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: b}, nil }

type mailSession struct{ box *mailbox }

func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*mailSession) Reset()                               {}
func (*mailSession) Logout() error                        { return nil }

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, string(text))
	return nil
}

// serveMail runs an SMTP server at address until the test ends.
func serveMail(t *testing.T, address string) *mailbox {
	t.Helper()
	box := new(mailbox)
	server := smtp.NewServer(box)
	server.Domain = "localhost"
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return box
}
