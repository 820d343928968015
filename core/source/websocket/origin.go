package websocket

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// allowsOrigin reports whether the page that a browser connects for may do so. Other clients send no Origin.
func (s *Source) allowsOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	switch len(origins) {
	case 0:
		return true
	case 1:
	default:
		return false
	}
	origin := strings.ToLower(origins[0])
	if len(s.settings.Origins) == 0 {
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && u.Host == strings.ToLower(r.Host)
	}
	for _, pattern := range s.settings.Origins {
		if originMatches(strings.ToLower(pattern), origin) {
			return true
		}
	}
	return false
}

// originMatches compares with a pattern of scheme and host, or of the host alone.
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
