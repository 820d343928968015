package websocket

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// allowsOrigin reports whether the page in a browser may connect. Other clients send no Origin.
func (s *Source) allowsOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	switch len(origins) {
	case 0:
		return true
	case 1:
	default:
		return false
	}
	for _, origin := range originSpellings(strings.ToLower(origins[0])) {
		if s.matchesOrigin(origin, strings.ToLower(r.Host)) {
			return true
		}
	}
	return false
}

// matchesOrigin compares with the patterns of the source or, if it has none, with the host of the request. The scheme does
// not count there, because a proxy may have terminated TLS.
func (s *Source) matchesOrigin(origin, host string) bool {
	if len(s.settings.Origins) == 0 {
		_, page, ok := strings.Cut(origin, "://")
		return ok && page != "" && page == host
	}
	for _, pattern := range s.settings.Origins {
		if originMatches(strings.ToLower(pattern), origin) {
			return true
		}
	}
	return false
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// originSpellings returns an origin without and with the default port of its scheme: both are the same origin (RFC 6454,
// section 4). Patterns keep their port, because one that ends in a wildcard would match other ports without it.
func originSpellings(origin string) []string {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return []string{origin}
	}
	port, known := defaultPorts[u.Scheme]
	if !known || u.Port() != "" && u.Port() != port {
		return []string{origin}
	}
	bare := u.Scheme + "://" + strings.TrimSuffix(u.Host, ":"+port)
	return []string{bare, bare + ":" + port}
}

// originMatches compares with a pattern of scheme and host, or of the host only.
func originMatches(pattern, origin string) bool {
	if pattern == "*" {
		return true
	}
	if !strings.Contains(pattern, "://") {
		_, host, ok := strings.Cut(origin, "://")
		if !ok {
			return false
		}
		origin = host
	}
	ok, err := path.Match(pattern, origin)
	return ok && err == nil
}
