package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestReadProxyHeader(t *testing.T) {
	const v4 = "\x21\x11\x00\x0c" + "\xcb\x00\x71\x07" + "\x0a\x00\x00\x01" + "\x16\x2e" + "\x00\x50"
	v6 := "\x21\x21\x00\x24" + string(netip.MustParseAddr("2001:db8::7").AsSlice()) + string(make([]byte, 16)) + "\x16\x2e\x00\x50"
	for name, tt := range map[string]struct {
		header, want, err string
	}{
		"IPv4":                     {proxySignature + v4, "203.0.113.7:5678", ""},
		"IPv6":                     {proxySignature + v6, "[2001:db8::7]:5678", ""},
		"with extensions":          {proxySignature + strings.Replace(v4, "\x0c", "\x0f", 1) + "\x04\x00\x00", "203.0.113.7:5678", ""},
		"the proxy's own":          {proxySignature + "\x20\x00\x00\x00", "invalid AddrPort", ""},
		"unix socket":              {proxySignature + "\x21\x31\x00\x01x", "invalid AddrPort", ""},
		"version 1":                {"PROXY TCP4 203.0.113.7 10.0.0.1 5678 80\r\n", "", "version 2"},
		"HTTP":                     {"POST /hooks/test HTTP/1.1\r\n\r\n", "", "version 2"},
		"another version":          {proxySignature + "\x31\x11\x00\x00", "", "version 2"},
		"unknown command":          {proxySignature + "\x22\x11\x00\x00", "", "command"},
		"addresses too short":      {proxySignature + "\x21\x11\x00\x04\x7f\x00\x00\x01", "", "cut off"},
		"too long":                 {proxySignature + "\x21\x11\xff\xff", "", "longer"},
		"ends inside the header":   {proxySignature[:5], "", "EOF"},
		"ends inside the address":  {proxySignature + v4[:8], "", "EOF"},
		"nothing but a connection": {"", "", "EOF"},
	} {
		rest := strings.NewReader(tt.header + "GET")
		if tt.err == "EOF" {
			rest = strings.NewReader(tt.header)
		}
		got, err := readProxyHeader(rest)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: error %v, want %s", name, err, tt.err)
		case tt.err == "" && (err != nil || got.String() != tt.want || rest.Len() != len("GET")):
			t.Errorf("%s: %s, %v, %d bytes left; want %s", name, got, err, rest.Len(), tt.want)
		}
	}
}

func FuzzReadProxyHeader(f *testing.F) {
	f.Add([]byte(proxySignature + "\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\x16\x2e\x00\x50"))
	f.Fuzz(func(t *testing.T, header []byte) {
		if a, err := readProxyHeader(bytes.NewReader(header)); err != nil && a.IsValid() {
			t.Errorf("address %s and error %v", a, err)
		}
	})
}

// A connection of a trusted proxy begins with a header, any other one does not.
func TestServerReadsProxyHeaders(t *testing.T) {
	const header = proxySignature + "\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\x16\x2e\x00\x50"
	for name, tt := range map[string]struct {
		trusted, header string
		want            string // what the source sees; "" when it sees nothing
	}{
		"trusted":              {"127.0.0.0/8", header, "203.0.113.7:5678"},
		"trusted, no header":   {"127.0.0.0/8", "", ""},
		"trusted, its own":     {"127.0.0.0/8", proxySignature + "\x20\x00\x00\x00", "127.0.0.1:"},
		"untrusted, header":    {"10.0.0.0/8", header, ""},
		"untrusted, no header": {"10.0.0.0/8", "", "127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := ""
			f := newFixture(t, &store{})
			server, err := NewServer(ServerOptions{
				Sources: []Source{&longLived{fixture: f, handler: func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }}},
				Log:     f.options.Log, Metrics: f.m, TrustedProxies: Proxies{netip.MustParsePrefix(tt.trusted)}, ProxyProtocol: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			stopped := make(chan error, 1)
			go func() { stopped <- server.Run(ctx, l) }()
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "%sGET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", tt.header); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, conn) // until the server closes, which may reset the connection
			_ = conn.Close()
			cancel()
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(seen, tt.want) || (tt.want == "") != (seen == "") {
				t.Errorf("the source saw %q, want %q", seen, tt.want)
			}
		})
	}
}
