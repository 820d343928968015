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

// Limits of outgoing requests.
const (
	requestTimeout = 5 * time.Second
	maxResponse    = 64 << 10 // bytes
	maxRequests    = 8        // concurrent
)

// client sends GET requests to locations. Anybody can trigger one by posting a message, so requests are few and bounded.
type client struct {
	// guarded connects to public addresses only; unguarded is for Policy.InsecureCertHosts.
	guarded, unguarded http.RoundTripper
	// slots is a semaphore for the concurrent requests.
	slots chan struct{}
}

func newClient(o Options) *client {
	c := &client{guarded: o.Transport, unguarded: o.Transport, slots: make(chan struct{}, maxRequests)}
	if o.Transport == nil {
		c.guarded = newTransport(o.Roots, onlyPublic)
		c.unguarded = newTransport(o.Roots, nil)
	}
	return c
}

// newTransport returns a transport without a proxy, because a proxy would resolve names itself and bypass control. It keeps
// no connections alive, because there is about one request per day.
func newTransport(roots *x509.CertPool, control func(network, address string, _ syscall.RawConn) error) *http.Transport {
	dialer := &net.Dialer{Timeout: requestTimeout, Control: control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// response is the response of a location.
type response struct {
	body []byte
	// tls is nil for plain HTTP.
	tls *tls.ConnectionState
}

// get requests a location. Its errors do not include the query, which may hold a token.
func (c *client) get(ctx context.Context, l location) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("GET from %s: too many concurrent requests: %w", l.host, ctx.Err())
	}
	r, err := c.send(ctx, l)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if err != nil {
		return nil, fmt.Errorf("GET from %s: %w", l.host, err)
	}
	return r, nil
}

// send makes one GET request. It follows no redirects and refuses responses larger than maxResponse.
func (c *client) send(ctx context.Context, l location) (*response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, err
	}
	httpClient := http.Client{Transport: c.guarded, CheckRedirect: keepRedirect}
	if l.insecure {
		httpClient.Transport = c.unguarded
	}
	r, err := httpClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close() //nolint:errcheck // nothing was written
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", r.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxResponse {
		return nil, fmt.Errorf("response exceeds %d bytes", maxResponse)
	}
	return &response{body: body, tls: r.TLS}, nil
}

// keepRedirect returns a redirect to the caller instead of following it.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// onlyPublic lets the dialer connect to public IP addresses only. It checks the resolved address before anything is sent,
// which also stops DNS rebinding.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !isPublic(to.Addr()) {
		return fmt.Errorf("the name resolves to %s, which is not a public address", to.Addr())
	}
	return nil
}

// isPublic reports whether an address is reachable on the internet, so that no message can make us request an internal service.
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

// globalUnicast is the part of IPv6 in use. The IPv4 addresses embedded by NAT64 (64:ff9b::/96) are outside of it.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// special lists the blocks of the IANA special-purpose address registries, and multicast.
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
