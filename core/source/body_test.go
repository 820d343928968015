package source

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRawRequests(t *testing.T) {
	chunk := func(n int) string { return fmt.Sprintf("%x\r\n%s\r\n", n, strings.Repeat("x", n)) }
	tests := []struct {
		name, raw string
		status    int
		code      string // "": answered by net/http
		closes    bool
	}{
		{"Content-Length", post("Content-Length: 5\r\n", "known"), 204, "", false},
		{"chunked", post("Transfer-Encoding: chunked\r\n", chunk(3)+chunk(100_000)+"0\r\n\r\n"), 204, "", false},
		{"announced too large, nothing sent", post("Content-Length: 1048577\r\n", ""), 413, "body_too_large", true},
		{"announced too large, asking first", post("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""), 413, "body_too_large", true},
		{"chunked too large", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk(1<<16), 16)+chunk(1)+"0\r\n\r\n"), 413, "body_too_large", true},
		{"chunked as large as allowed", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk(1<<16), 16)+"0\r\n\r\n"), 204, "", false},
		{"bad chunk", post("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400, "body_broken", true},
		{"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "known"), 400, "", true},
		{"coding that net/http does not know", post("Transfer-Encoding: gzip, chunked\r\n", "known"), 501, "", true},
		{"length and chunks: chunks count", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunk(3)+"0\r\n\r\n"), 204, "", false},
		{"NUL in a header", post("X: a\x00b\r\nContent-Length: 5\r\n", "known"), 400, "", true},
		{"header too large", post("X: "+strings.Repeat("x", 40<<10)+"\r\nContent-Length: 5\r\n", "known"), 431, "", true},
		{"no such path", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/tes", 1), 404, "unknown_path", true},
		{"path with a slash", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/test/", 1), 404, "unknown_path", true},
		{"path not cleaned", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/../hooks/test", 1), 404, "unknown_path", true},
		{"server-wide OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, "unknown_path", true},
		{"query", strings.Replace(post("Content-Length: 5\r\n", "known"), "/hooks/test", "/hooks/test?a=b", 1), 204, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, &store{})
				resp := r.send(t, tt.raw)
				if tt.code != "" {
					wantProblem(t, resp, tt.status, tt.code)
				} else if resp.status != tt.status {
					t.Errorf("answer %d, want %d", resp.status, tt.status)
				}
				if resp.closes != tt.closes {
					t.Errorf("connection closes: %t, want %t", resp.closes, tt.closes)
				}
				r.end(t)
			})
		})
	}
}

func TestSlowSenders(t *testing.T) {
	tests := []struct {
		name          string
		header        string
		first         string
		bytes         int           // written one at a time after first
		every         time.Duration // between them
		atLeast, most time.Duration // until the answer
	}{
		{"nothing comes", "Content-Length: 5\r\n", "", 0, 0, 10 * time.Second, 11 * time.Second},
		{"stalls", "Content-Length: 5\r\n", "kno", 0, 0, 10 * time.Second, 11 * time.Second},
		{"stalls in a chunk", "Transfer-Encoding: chunked\r\n", "5\r\nkno", 0, 0, 10 * time.Second, 11 * time.Second},
		{"a byte per second", "Content-Length: 100\r\n", "", 99, time.Second, 10 * time.Second, 12 * time.Second},
		{"just fast enough but for too long", "Content-Length: 1000000\r\n", strings.Repeat("x", 30<<10), 900, 100 * time.Millisecond, 30 * time.Second, 31 * time.Second},
		{"much, then nothing", "Content-Length: 1000000\r\n", strings.Repeat("x", 500_000), 0, 0, 10 * time.Second, 11 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{}
				r := run(t, s)
				c := r.dial(t)
				start := time.Now()
				var sender sync.WaitGroup
				sender.Go(func() {
					if _, err := io.WriteString(c, post(tt.header, tt.first)); err != nil {
						return
					}
					for range tt.bytes {
						time.Sleep(tt.every) // the bubble's time
						if _, err := io.WriteString(c, "x"); err != nil {
							return
						}
					}
				})
				wantProblem(t, c.answer(t), 408, "body_too_slow")
				if waited := time.Since(start); waited < tt.atLeast || waited > tt.most {
					t.Errorf("answered after %s, want %s to %s", waited, tt.atLeast, tt.most)
				}
				if len(s.events) != 0 {
					t.Error("something was stored")
				}
				_ = c.Close()
				sender.Wait()
				r.end(t)
			})
		})
	}
}

func TestSlowHeaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		c := r.dial(t)
		start := time.Now()
		if _, err := io.WriteString(c, "POST /hooks/test HTTP/1.1\r\nHost:"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited > 6*time.Second {
			t.Errorf("cut after %s", waited)
		}
		r.end(t)
	})
}

// A body that no source reads holds the connection no longer than the server's ReadTimeout.
func TestUnreadBodyDoesNotHoldTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, &store{})
		c := r.dial(t)
		start := time.Now()
		resp := c.send(t, strings.Replace(post("Content-Length: 1000\r\n", ""), "/hooks/test", "/nowhere", 1))
		wantProblem(t, resp, 404, "unknown_path")
		if _, err := io.ReadAll(c.answers); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited > 40*time.Second {
			t.Errorf("connection was held for %s", waited)
		}
		r.end(t)
	})
}

func TestSenderVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := run(t, s)
		c := r.dial(t)
		if _, err := io.WriteString(c, post("Content-Length: 5\r\n", "kno")); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		synctest.Wait()
		if len(s.events) != 0 {
			t.Error("half a body was stored")
		}
		if got := series(t, r.f.reg)["pointsman_source_requests_total{code=400,reason=body_broken,source=test}"]; got != 1 {
			t.Errorf("counted %v, want 1", got)
		}
		r.end(t)
	})
}

// The read deadline of a body does not affect an append that takes longer than it.
func TestSlowAppendKeepsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, intakeFunc(func(ctx context.Context, e []Event) ([]Accepted, error) {
			select {
			case <-time.After(9900 * time.Millisecond):
				return make([]Accepted, len(e)), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}))
		c := r.dial(t)
		if _, err := io.WriteString(c, post("Content-Length: 5\r\n", "kn")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // the bubble's time
		for i, raw := range []string{"own", post("Content-Length: 5\r\n", "known")} {
			resp := c.send(t, raw)
			if resp.status != 204 || resp.closes {
				t.Errorf("answer %d: %d, closes %t", i, resp.status, resp.closes)
			}
		}
		_ = c.Close()
		r.end(t)
	})
}
