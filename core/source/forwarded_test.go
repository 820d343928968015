package source

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var testProxies = Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}

func TestClientAddress(t *testing.T) {
	const proxy, client = "10.0.0.1:4711", "203.0.113.7:0"
	const x, xProto, forwarded = "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"
	tests := []struct {
		name, peer     string
		headers        []string
		remote, scheme string
	}{
		{"no header", proxy, nil, proxy, "http"},
		{"one proxy", proxy, []string{x, "203.0.113.7", xProto, "https"}, client, "https"},
		{"spoofed on the left", proxy, []string{x, "198.51.100.1, 203.0.113.7", xProto, "https"}, client, "https"},
		{"spoofed in a line of its own", proxy, []string{x, "198.51.100.1", x, "203.0.113.7"}, client, "http"},
		{"several proxies", proxy, []string{x, "198.51.100.1, 203.0.113.7, 10.1.1.1,10.2.2.2"}, client, "http"},
		{"proto of the same hop", proxy, []string{x, "203.0.113.7, 10.1.1.1", xProto, "https, http"}, client, "https"},
		{"all are proxies", proxy, []string{x, "10.3.3.3, 10.1.1.1"}, "10.3.3.3:0", "http"},
		{"with a port", proxy, []string{x, "203.0.113.7:5555"}, "203.0.113.7:5555", "http"},
		{"IPv6", proxy, []string{x, "2001:db8:2::1"}, "[2001:db8:2::1]:0", "http"},
		{"IPv6 in brackets, with a port", proxy, []string{x, "[2001:db8:2::1]:99"}, "[2001:db8:2::1]:99", "http"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{x, "::ffff:203.0.113.7"}, client, "http"},
		{"IPv6 proxy", "[2001:db8:1::1]:1", []string{x, "203.0.113.7"}, client, "http"},
		{"empty elements", proxy, []string{x, ", 203.0.113.7 ,"}, client, "http"},
		{"garbage on the left", proxy, []string{x, "\", 203.0.113.7"}, client, "http"},
		{"garbage on the right", proxy, []string{x, "203.0.113.7, unknown", xProto, "https"}, proxy, "http"},
		{"garbage behind a proxy", proxy, []string{x, "203.0.113.7, unknown, 10.9.9.9"}, "10.9.9.9:0", "http"},
		{"unknown scheme", proxy, []string{x, "203.0.113.7", xProto, "gopher"}, client, "http"},
		{"proto alone", proxy, []string{xProto, "https"}, proxy, "http"},
		{"untrusted peer", "203.0.113.9:1", []string{x, "10.0.0.5", xProto, "https", forwarded, "for=10.0.0.5;proto=https"}, "203.0.113.9:1", "http"},
		{"forwarded", proxy, []string{forwarded, `for=203.0.113.7;proto=https;by=10.0.0.1`}, client, "https"},
		{"forwarded, any case and spaces", proxy, []string{forwarded, `For="203.0.113.7:80" ; PROTO=HTTPS`}, "203.0.113.7:80", "https"},
		{"forwarded, IPv6", proxy, []string{forwarded, `for="[2001:db8:2::1]:4711"`}, "[2001:db8:2::1]:4711", "http"},
		{"forwarded, several", proxy, []string{forwarded, `for=198.51.100.1;proto=http, for=203.0.113.7;proto=https, for=10.1.1.1;proto=http`}, client, "https"},
		{"forwarded, lines", proxy, []string{forwarded, "for=198.51.100.1", forwarded, "for=203.0.113.7"}, client, "http"},
		{"forwarded, obfuscated", proxy, []string{forwarded, "for=203.0.113.7, for=_hidden"}, proxy, "http"},
		{"forwarded, no address", proxy, []string{forwarded, "for=203.0.113.7, proto=https"}, proxy, "http"},
		{"forwarded, quote swallows the proxy's part", proxy, []string{forwarded, `for=198.51.100.1;a=", for=203.0.113.7`}, proxy, "http"},
		{"forwarded, quote in a line of its own", proxy, []string{forwarded, `for=198.51.100.1;a="`, forwarded, "for=203.0.113.7"}, client, "http"},
		{"forwarded, quoted separators", proxy, []string{forwarded, `for=198.51.100.1;a=",;", for=203.0.113.7`}, client, "http"},
		{"both agree", proxy, []string{x, "203.0.113.7", forwarded, "for=203.0.113.7:99", xProto, "https"}, client, "https"},
		{"both disagree", proxy, []string{x, "203.0.113.7", forwarded, "for=198.51.100.1", xProto, "https"}, proxy, "http"},
		{"no address as peer", "@", []string{x, "203.0.113.7"}, "@", "http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			for i := 0; i < len(tt.headers); i += 2 {
				r.Header.Add(tt.headers[i], tt.headers[i+1])
			}
			testProxies.resolve(r)
			if r.RemoteAddr != tt.remote || Scheme(r) != tt.scheme {
				t.Errorf("client %s by %s, want %s by %s", r.RemoteAddr, Scheme(r), tt.remote, tt.scheme)
			}
		})
	}
}

func TestSchemeWithoutProxies(t *testing.T) {
	for _, target := range []string{"/", "http://router.example.com/", "https://router.example.com/", "gopher://router.example.com/"} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.TLS = nil
		Proxies(nil).resolve(r)
		if got := Scheme(r); got != "http" {
			t.Errorf("%s: %s", target, got)
		}
		r.TLS = &tls.ConnectionState{}
		Proxies(nil).resolve(r)
		if got := Scheme(r); got != "https" {
			t.Errorf("%s over TLS: %s", target, got)
		}
	}
}

// Sources see the resolved address.
func TestServerResolvesTheClient(t *testing.T) {
	f := newFixture(t, &store{})
	var seen string
	server, err := NewServer(ServerOptions{
		Sources: []Source{&longLived{fixture: f, handler: func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr + " " + Scheme(r) }}},
		Log:     f.options.Log, Metrics: f.m, TrustedProxies: testProxies,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/long", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	server.ServeHTTP(httptest.NewRecorder(), r)
	if seen != "203.0.113.7:0 https" {
		t.Errorf("the source saw %q", seen)
	}
}

// FuzzForwarded: whatever a client sends, the address that a trusted proxy appends on the same line counts.
func FuzzForwarded(f *testing.F) {
	f.Add("198.51.100.1", `for=198.51.100.1;a="`)
	f.Add(",,", `for="[2001:db8::1]:1", for=_x`)
	f.Fuzz(func(t *testing.T, x, forwarded string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header["X-Forwarded-For"] = []string{x + ", 203.0.113.7"}
		testProxies.resolve(r)
		if r.RemoteAddr != "203.0.113.7:0" {
			t.Errorf("X-Forwarded-For: %q leads to %s", x, r.RemoteAddr)
		}
		for _, element := range []string{"for=203.0.113.7", `for="203.0.113.7:8"`} {
			r.RemoteAddr = "10.0.0.1:1"
			r.Header = http.Header{"Forwarded": {forwarded + ", " + element}}
			testProxies.resolve(r)
			if !strings.HasPrefix(r.RemoteAddr, "203.0.113.7:") && r.RemoteAddr != "10.0.0.1:1" {
				t.Errorf("Forwarded: %q leads to %s", forwarded, r.RemoteAddr)
			}
		}
	})
}
