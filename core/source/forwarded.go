package source

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of trusted reverse proxies. Only their word about the client of a request counts.
type Proxies []netip.Prefix

// trusts reports whether a belongs to a trusted proxy.
func (p Proxies) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// Scheme returns "https" if the client used TLS, to the Server or to a trusted proxy in front of it, else "http".
func Scheme(r *http.Request) string {
	switch {
	case r.URL.Scheme != "": // set by resolve
		return r.URL.Scheme
	case r.TLS != nil:
		return "https"
	}
	return "http"
}

// hop is a client as one of the proxies saw it.
type hop struct {
	address string // with or without a port; not validated
	proto   string // empty if unknown
}

// resolve sets r.RemoteAddr to the client's address and r.URL.Scheme to the client's scheme. For a request of a trusted proxy
// the client is the rightmost address that is not a trusted proxy's: proxies append on the right, so everything further left
// may be made up by the client.
func (p Proxies) resolve(r *http.Request) {
	r.URL.Scheme = "" // an absolute request target sets it to anything
	r.URL.Scheme = Scheme(r)
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || len(p) == 0 || !p.trusts(peer.Addr().Unmap()) {
		return
	}
	client := p.client(hops(r.Header))
	if address, ok := parseAddress(client.address); ok {
		r.RemoteAddr = address.String()
	}
	if proto := strings.ToLower(client.proto); proto == "https" || proto == "http" {
		r.URL.Scheme = proto
	}
}

// client returns the rightmost hop that is not a trusted proxy, or the leftmost one if all are. It ends before a hop whose
// address does not parse, because nobody vouches for what is left of it.
func (p Proxies) client(all []hop) hop {
	var client hop
	for _, h := range slices.Backward(all) {
		address, ok := parseAddress(h.address)
		if !ok {
			return client
		}
		client = h
		if !p.trusts(address.Addr()) {
			return client
		}
	}
	return client
}

// hops returns what the headers say, the client's own claims first. A proxy sets one of the two headers and passes the other
// one on as the client sent it, so headers that disagree about the last hop are both ignored.
func hops(header http.Header) []hop {
	forwarded, x := forwardedHops(header["Forwarded"]), xForwardedHops(header)
	if len(forwarded) > 0 && len(x) > 0 {
		a, _ := parseAddress(forwarded[len(forwarded)-1].address)
		if b, ok := parseAddress(x[len(x)-1].address); !ok || a.Addr() != b.Addr() {
			return nil
		}
	}
	if len(x) > 0 {
		return x
	}
	return forwarded
}

// xForwardedHops reads X-Forwarded-For and X-Forwarded-Proto. Proxies either append to both or overwrite the second one.
func xForwardedHops(header http.Header) []hop {
	addresses, protos := list(header["X-Forwarded-For"]), list(header["X-Forwarded-Proto"])
	all := make([]hop, len(addresses))
	for i, a := range addresses {
		all[i].address = a
		switch {
		case len(protos) == len(addresses):
			all[i].proto = protos[i]
		case len(protos) > 0:
			all[i].proto = protos[len(protos)-1]
		}
	}
	return all
}

// list returns the elements of a list header. Empty ones do not count (RFC 9110 section 5.6.1).
func list(lines []string) []string {
	all := strings.Split(strings.Join(lines, ","), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return slices.DeleteFunc(all, func(e string) bool { return e == "" })
}

// forwardedHops reads Forwarded (RFC 7239). A hop without an address ends the chain, see client. So does a line with an odd
// number of quotes: a client could otherwise quote away what the proxy appends to its line.
func forwardedHops(lines []string) []hop {
	var all []hop
	for _, line := range lines {
		if strings.Count(line, `"`)%2 != 0 {
			all = append(all, hop{})
			continue
		}
		for _, element := range splitQuoted(line, ',') {
			if strings.TrimSpace(element) != "" {
				all = append(all, forwardedHop(element))
			}
		}
	}
	return all
}

// forwardedHop parses one element of a Forwarded header (RFC 7239, section 4).
func forwardedHop(element string) (h hop) {
	for _, pair := range splitQuoted(element, ';') {
		name, value, _ := strings.Cut(pair, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "for":
			h.address = value
		case "proto":
			h.proto = value
		}
	}
	return h
}

// splitQuoted splits at separators that are not inside a quoted string.
func splitQuoted(s string, separator byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// parseAddress parses an IP address with or without a port. An IPv6 address may stand in brackets, and must with a port.
func parseAddress(text string) (netip.AddrPort, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a.Unmap().WithZone(""), 0), true
	}
	a, err := netip.ParseAddrPort(text)
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), err == nil
}
