package snsmessage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Limits of one visit.
const (
	visitTimeout = 5 * time.Second
	maxAnswer    = 64 << 10
	maxVisits    = 8 // at a time
)

// client visits locations. Anybody can make it do so by posting a message, so it is careful and in no hurry.
type client struct {
	guarded, unguarded http.RoundTripper
	// slots bounds the visits at a time.
	slots chan struct{}
}

func newClient(o Options) *client {
	c := &client{guarded: o.Transport, unguarded: o.Transport, slots: make(chan struct{}, maxVisits)}
	if o.Transport == nil {
		c.guarded = newTransport(o.Roots, onlyPublic)
		c.unguarded = newTransport(o.Roots, nil)
	}
	return c
}

// newTransport returns a transport without a proxy: one would resolve the name itself, behind the back of control. It keeps
// no connections, for there is a visit a day.
func newTransport(roots *x509.CertPool, control func(network, address string, _ syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: visitTimeout, Control: control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// answer is what a location had to say.
type answer struct {
	body []byte
	// tls is nil for plain HTTP.
	tls *tls.ConnectionState
}

// get visits a location. An error does not repeat the query, which may hold a token.
func (c *client) get(ctx context.Context, l location) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("GET from %s: too many at a time: %w", l.host, ctx.Err())
	}
	a, err := c.visit(ctx, l)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if err != nil {
		return nil, fmt.Errorf("GET from %s: %w", l.host, err)
	}
	return a, nil
}

func (c *client) visit(ctx context.Context, l location) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, err
	}
	visitor := http.Client{Transport: c.guarded, CheckRedirect: stay}
	if l.insecure {
		visitor.Transport = c.unguarded
	}
	response, err := visitor.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("answered more than %d bytes", maxAnswer)
	}
	return &answer{body: body, tls: response.TLS}, nil
}

// stay makes of a redirect an answer like any other.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// onlyPublic refuses to connect to addresses that are not of the public internet, after the name was resolved: the host may
// be Amazon's by name and our own by DNS.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !isPublic(to.Addr()) {
		return fmt.Errorf("its name leads to %s, which is not an address of the public internet", to.Addr())
	}
	return nil
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

// globalUnicast is all of IPv6 that is in use; the translated IPv4 addresses of NAT64 are outside of it.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// special are the blocks of the IANA special-purpose registries, and multicast.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("224.0.0.0/3"), // multicast, reserved, broadcast
	netip.MustParsePrefix("2001::/23"),   // Teredo and other tunnels
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
}
