package websocket

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
)

// serveBehind serves the source with a server that trusts proxies of these networks. The test itself is the peer, 127.0.0.1.
func (f *fixture) serveBehind(networks ...string) {
	f.t.Helper()
	var proxies source.Proxies
	for _, n := range networks {
		proxies = append(proxies, netip.MustParsePrefix(n))
	}
	server, err := source.NewServer(source.ServerOptions{
		Sources: []source.Source{f.Source}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()), TrustedProxies: proxies,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, listener) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.t.Error(err)
		}
	})
	f.address = listener.Addr().String()
}

// Behind a trusted proxy, limits and events use the client's address.
func TestClientAddressBehindProxies(t *testing.T) {
	const forwarded = "X-Forwarded-For"
	tests := map[string]struct {
		trusted, header string
		want            string // source_ip
		sharesLimit     bool   // with a client that claims another address
	}{
		"trusted proxy":            {"127.0.0.0/8", "192.0.2.10", "192.0.2.10", false},
		"trusted proxy, made up":   {"127.0.0.0/8", "198.51.100.1, 192.0.2.10", "192.0.2.10", false},
		"untrusted peer":           {"10.0.0.0/8", "192.0.2.10", "127.0.0.1", true},
		"trusted, without header":  {"127.0.0.0/8", "", "127.0.0.1", false},
		"untrusted without header": {"10.0.0.0/8", "", "127.0.0.1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, `"limits":{"connections_per_ip":1}`)
			f.serveBehind(tt.trusted)
			k := f.request("/ws?room=a", forwarded, tt.header)
			if k.response.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("status %d", k.response.StatusCode)
			}
			if got := f.expect(TypeConnect).GetSourceIp(); got != tt.want {
				t.Errorf("source_ip %q, want %q", got, tt.want)
			}
			if same := f.request("/ws?room=a", forwarded, tt.header); same.response.StatusCode != http.StatusTooManyRequests {
				t.Errorf("second connection of the client: status %d", same.response.StatusCode)
			}
			other := f.request("/ws?room=a", forwarded, "203.0.113.7")
			if refused := other.response.StatusCode == http.StatusTooManyRequests; refused != tt.sharesLimit {
				t.Errorf("connection of another client: status %d", other.response.StatusCode)
			}
			if !tt.sharesLimit && f.expect(TypeConnect).GetSourceIp() != "203.0.113.7" {
				t.Error("the other client has another source_ip")
			}
			_ = k.net.Close()
			_ = other.net.Close()
			f.stop()
		})
	}
}
