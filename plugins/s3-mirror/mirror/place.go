package mirror

import (
	"net"
	"net/url"
	"strings"
)

// Overlap says whether what is written to the destination is seen at the source again: the same bucket, and keys that can
// be below both prefixes.
func Overlap(source, destination Side) bool {
	return place(source.Endpoint) == place(destination.Endpoint) && source.Bucket == destination.Bucket &&
		(strings.HasPrefix(source.Prefix, destination.Prefix) || strings.HasPrefix(destination.Prefix, source.Prefix))
}

// sameServer says whether the destination's credentials can read the source on the same server, so that it can copy by
// itself.
func sameServer(a, b Side) bool {
	return place(a.Endpoint) == place(b.Endpoint) &&
		a.AccessKey == b.AccessKey && a.SecretKey.Equal(b.SecretKey) && a.SessionToken.Equal(b.SessionToken)
}

const amazon = "amazon" // all regions: a bucket name is unique over them

// place is an endpoint in a form that can be compared.
func place(endpoint string) string {
	u, err := url.Parse(strings.ToLower(endpoint))
	if endpoint == "" || err == nil && strings.HasSuffix(u.Hostname(), ".amazonaws.com") {
		return amazon
	}
	if err != nil {
		return endpoint
	}
	host, port := u.Hostname(), u.Port()
	if IsLoopback(host) {
		host = "localhost"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(host, port)
}

// IsLoopback says whether a host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
