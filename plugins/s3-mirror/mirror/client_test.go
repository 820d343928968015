package mirror

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates come from the setting, from AWS_CA_BUNDLE, which the SDK refuses with most custom HTTP clients, or from both.
func TestCertificates(t *testing.T) {
	store := newFake(t)
	server := httptest.NewTLSServer(store)
	t.Cleanup(server.Close)
	store.url = server.URL
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, []byte(ca), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, setting, bundle string
		good                  bool
	}{{"none", "", "", false}, {"setting", ca, "", true}, {"bundle", "", bundle, true}, {"both", ca, bundle, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("AWS_CA_BUNDLE", c.bundle)
			from, to := store.side(source), store.side(destination)
			from.CA, to.CA = c.setting, c.setting
			m := newMirror(t, Config{Source: from, Destination: Destination{Side: to}})
			if _, err := m.Converge(t.Context(), "k", Hint{}); (err == nil) != c.good {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A response that stops in the middle is resumed, and a request without a response is repeated.
func TestSilence(t *testing.T) {
	silent := make(chan struct{})
	n := 0
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		switch {
		case r.Method != http.MethodGet:
		case n == 1:
			w.Header().Set("ETag", `"s"`)
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("01234"))
			_ = http.NewResponseController(w).Flush()
			<-silent
		default:
			w.Header().Set("ETag", `"s"`)
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte("56789"))
		}
	}))
	t.Cleanup(store.Close)
	t.Cleanup(func() { close(silent) })
	f := &fake{url: store.URL}
	m := newMirror(t, Config{Source: f.side(source), Destination: Destination{Side: f.side(destination)}})
	client, err := newClient(m.config.Source, m.config, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	m.source = client
	if r, err := m.Converge(t.Context(), "k", Hint{}); err != nil || r.Bytes != 10 {
		t.Errorf("got %v, %v", r, err)
	}
}
