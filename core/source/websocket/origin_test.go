package websocket

import (
	"net/http/httptest"
	"testing"
)

func TestOriginDefaultPorts(t *testing.T) {
	for _, tt := range []struct {
		host, origin string
		origins      []string
		want         bool
	}{
		{"example.com:443", "https://example.com", nil, true},
		{"example.com", "https://example.com:443", nil, true},
		{"example.com", "https://example.com", nil, true},
		{"example.com:80", "http://example.com", nil, true},
		{"[::1]:443", "https://[::1]", nil, true},
		{"example.com:80", "https://example.com", nil, false},
		{"example.com:443", "http://example.com", nil, false},
		{"example.com:8443", "https://example.com", nil, false},
		{"example.com", "https://example.com:8443", nil, false},
		{"", "https://", nil, false},
		{"null", "null", nil, false},
		{"x", "https://a.example", []string{"https://*.example:443"}, true},
		{"x", "https://a.example:443", []string{"https://*.example"}, true},
		{"x", "https://a.example", []string{"a.example:443"}, true},
		{"x", "https://a.example:8443", []string{"https://*:443"}, false},
		{"x", "http://a.example", []string{"a.example:443"}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tt.host
		r.Header.Set("Origin", tt.origin)
		s := &Source{settings: &Settings{Origins: tt.origins}}
		if got := s.allowsOrigin(r); got != tt.want {
			t.Errorf("Host %q, Origin %q, origins %q: allowed %v, want %v", tt.host, tt.origin, tt.origins, got, tt.want)
		}
	}
}
