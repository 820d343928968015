package snsmessage

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOnlyPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"52.94.1.1":        true,
		"8.8.8.8":          true,
		"100.63.255.255":   true,
		"100.128.0.1":      true,
		"172.32.0.1":       true,
		"2600:1f18::1":     true,
		"2a05:d000::1":     true,
		"::ffff:52.94.1.1": true,
		"0.0.0.0":          false,
		"10.1.2.3":         false,
		"100.64.0.1":       false, // carrier-grade NAT
		"127.0.0.1":        false,
		"127.255.255.254":  false,
		"169.254.169.254":  false, // cloud metadata
		"172.16.0.1":       false,
		"172.31.255.255":   false,
		"192.0.0.8":        false,
		"192.0.2.1":        false,
		"192.168.1.1":      false,
		"198.18.0.1":       false,
		"203.0.113.7":      false,
		"224.0.0.1":        false,
		"240.0.0.1":        false,
		"255.255.255.255":  false,
		"::":               false,
		"::1":              false,
		"::ffff:127.0.0.1": false,
		"::ffff:10.0.0.1":  false,
		"::7f00:1":         false, // IPv4-compatible
		"64:ff9b::7f00:1":  false, // NAT64 of 127.0.0.1
		"64:ff9b::808:808": false,
		"64:ff9b:1::a00:1": false,
		"100::1":           false, // discard
		"2001::1":          false, // Teredo
		"2001:db8::1":      false,
		"2002:7f00:1::":    false, // 6to4 of 127.0.0.1
		"3fff::1":          false,
		"5f00::1":          false,
		"fc00::1":          false,
		"fd00:ec2::254":    false, // cloud metadata
		"fe80::1":          false,
		"fe80::1%eth0":     false,
		"fec0::1":          false,
		"ff02::1":          false,
	} {
		err := onlyPublic("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil)
		if (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if onlyPublic("tcp", "example.com:443", nil) == nil {
		t.Error("a name passes")
	}
}

// The dialer checks the resolved IP before sending anything, which also stops DNS rebinding.
func TestDialerChecksResolvedAddresses(t *testing.T) {
	caught := newTrap(t)
	_, port, _ := strings.Cut(caught.address, ":")
	c := newClient(Options{})
	for _, host := range []string{caught.address, "localhost:" + port} {
		_, err := c.get(t.Context(), location{url: "https://" + host + "/x.pem", host: host})
		wantTemporary(t, err, "not a public address")
	}
	caught.want(t, 0)
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	for _, transport := range []http.RoundTripper{newClient(Options{}).guarded, newClient(Options{}).unguarded} {
		if transport.(*http.Transport).Proxy != nil {
			t.Error("a proxy would resolve names behind our back")
		}
	}
}

func TestFailedRequests(t *testing.T) {
	cases := map[string]struct {
		respond func(r *http.Request) (*http.Response, error)
		says    string
	}{
		"redirect": {func(r *http.Request) (*http.Response, error) {
			response := respond(r, http.StatusFound, nil)
			response.Header.Set("Location", testCertURL)
			return response, nil
		}, "status 302"},
		"503": {func(r *http.Request) (*http.Response, error) { return respond(r, 503, nil), nil }, "status 503"},
		"404": {func(r *http.Request) (*http.Response, error) { return respond(r, 404, nil), nil }, "status 404"},
		"204": {func(r *http.Request) (*http.Response, error) { return respond(r, 204, nil), nil }, "status 204"},
		"65 KiB": {func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, append(signing().certificate, bytes.Repeat([]byte("\n"), 64<<10)...)), nil
		}, "exceeds 65536 bytes"},
		"no connection": {func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }, "refused"},
		"body breaks off": {func(r *http.Request) (*http.Response, error) {
			response := respond(r, 200, nil)
			response.Body = brokenBody{}
			return response, nil
		}, "broken off"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			net := &fakeTransport{respond: test.respond}
			v := mustVerifier(t, testPolicy, Options{Transport: net})
			wantTemporary(t, v.Verify(t.Context(), signedMessage(t, "1", nil)), test.says)
			net.want(t, 1)
			err := v.Confirm(t.Context(), signedMessage(t, "1", confirmation))
			wantTemporary(t, err, test.says)
			if strings.Contains(err.Error(), "tok0123456789") {
				t.Errorf("the error holds the token: %v", err)
			}
			net.want(t, 2)
		})
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("broken off") }
func (brokenBody) Close() error             { return nil }

// silent never responds.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestRequestsTimeOut(t *testing.T) {
	m, confirm := signedMessage(t, "1", nil), signedMessage(t, "1", confirmation)
	synctest.Test(t, func(t *testing.T) {
		v := mustVerifier(t, testPolicy, Options{Transport: &fakeTransport{respond: silent}})
		wantTemporary(t, v.Verify(t.Context(), m), context.DeadlineExceeded.Error())
		wantTemporary(t, v.Confirm(t.Context(), confirm), context.DeadlineExceeded.Error())
	})
}

func TestConcurrentRequestsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &fakeTransport{respond: silent}
		c := newClient(Options{Transport: net})
		var requests sync.WaitGroup
		for range 3 * maxRequests {
			requests.Go(func() {
				_, err := c.get(t.Context(), location{url: testCertURL, host: testHost})
				wantTemporary(t, err, context.DeadlineExceeded.Error())
			})
		}
		synctest.Wait()
		net.want(t, maxRequests)
		requests.Wait()
	})
}

func TestTLSIsVerified(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(signing().certificate)
	}))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	m := signedMessage(t, "1", nil)
	m.SigningCertURL = server.URL + "/x.pem"
	policy := Policy{Topics: testPolicy.Topics, InsecureCertHosts: []string{server.Listener.Addr().String()}}

	wantTemporary(t, mustVerifier(t, policy, Options{}).Verify(t.Context(), m), "certificate")

	trusted := roots(t, signing().certificate)
	trusted.AddCert(server.Certificate())
	if err := mustVerifier(t, policy, Options{Roots: trusted}).Verify(t.Context(), m); err != nil {
		t.Error(err)
	}
}
