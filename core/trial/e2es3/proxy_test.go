package e2es3

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// router counts what it takes, by body, and refuses every third request as one that is being started again.
type router struct {
	mu       sync.Mutex
	requests int
	taken    []string
	auth     string
}

func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.requests++; r.requests%3 == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body := make([]byte, req.ContentLength)
	_, _ = req.Body.Read(body)
	r.taken, r.auth = append(r.taken, string(body)), req.Header.Get("Authorization")
}

func TestProxy(t *testing.T) {
	sink := &router{}
	server := httptest.NewServer(sink)
	defer server.Close()
	p, err := newProxy(20*time.Millisecond, 1)
	if err != nil {
		t.Fatal(err)
	}
	p.serve(t.Context(), server.URL)
	const n = 200
	var sent []string
	for i := range n {
		sent = append(sent, strings.Repeat("x", 1+i))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url(), strings.NewReader(sent[i]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if err := testbed.Poll(t.Context(), time.Millisecond, func() (bool, error) { return p.held.Load() == 0, nil }); err != nil {
		t.Fatal(err)
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	again := int(p.duplicates.Load())
	if len(sink.taken) != n+again || again == 0 || p.retries.Load() == 0 {
		t.Errorf("took %d of %d, %d of them duplicates, after %d retries", len(sink.taken), n, again, p.retries.Load())
	}
	inOrder, times := true, map[string]int{}
	for i, body := range sink.taken {
		times[body]++
		inOrder = inOrder && i > 0 && len(body) >= len(sink.taken[i-1])
	}
	for _, body := range sent {
		if times[body] == 0 {
			t.Errorf("the one of %d bytes never came", len(body))
		}
	}
	if inOrder {
		t.Error("nothing was overtaken")
	}
	if sink.auth != "Bearer secret" {
		t.Errorf("authorization %q was forwarded", sink.auth)
	}
}

// An answer that another try would not change is trouble, and its notification stays pending.
func TestProxyRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p, err := newProxy(time.Millisecond, 1)
	if err != nil {
		t.Fatal(err)
	}
	p.serve(t.Context(), server.URL)
	resp, err := http.Post(p.url(), "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := testbed.Poll(t.Context(), time.Millisecond, func() (bool, error) { return p.trouble() != nil, nil }); err != nil {
		t.Fatal(err)
	}
	if p.held.Load() == 0 {
		t.Error("a refused notification counts as delivered")
	}
}
