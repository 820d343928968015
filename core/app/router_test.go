package app

import (
	"net/http"
	"strings"
	"testing"
)

// The client that a trusted proxy names is the one that the log names.
func TestTrustedProxies(t *testing.T) {
	r := newRig(t)
	r.start(strings.Replace(baseConfig, `listen = "127.0.0.1:0" }`, "\n  listen = \"127.0.0.1:0\"\n  trusted_proxies = [\"127.0.0.0/8\"]\n}", 1))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.listener.Addr().String()+"/hooks/lab", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "203.0.113.7")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if got := r.log.values("request answered", "remote"); len(got) != 1 || got[0] != "203.0.113.7:0" {
		t.Errorf("the log names %q", got)
	}
}
