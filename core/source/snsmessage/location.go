package snsmessage

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const amazonHostPattern = `sns\.([a-zA-Z0-9-]{3,})\.amazonaws\.com(\.cn)?`

var (
	amazonHost        = regexp.MustCompile(`^` + amazonHostPattern + `$`)
	amazonCertificate = regexp.MustCompile(`^https://(` + amazonHostPattern + `)(?::443)?(/SimpleNotificationService-[0-9a-f]{20,64}\.pem)$`)
)

// location is a URL that may be visited: put together from parts that were checked, never taken over from a message.
type location struct {
	url  string
	host string
	// insecure is set for the hosts of Policy.InsecureCertHosts.
	insecure bool
}

// certificate returns where the signing certificate of a topic is, not ok when the URL is not to be visited.
func (r *rules) certificate(raw string, t topic) (l location, ok bool) {
	if parts := amazonCertificate.FindStringSubmatch(raw); parts != nil {
		host, path := parts[1], parts[4]
		return location{url: "https://" + host + path, host: host}, t.spokenForBy(host)
	}
	u, err := url.Parse(raw)
	if err != nil || !r.isInsecure(u) || u.RawQuery != "" || u.ForceQuery || !strings.HasSuffix(u.Path, ".pem") {
		return location{}, false
	}
	return location{url: u.Scheme + "://" + u.Host + u.EscapedPath(), host: u.Host, insecure: true}, true
}

// confirmation returns what to visit to confirm a subscription, not ok when the SubscribeURL is not what it must be.
func (r *rules) confirmation(m *Message, t topic) (l location, ok bool) {
	u, err := url.Parse(m.SubscribeURL)
	if err != nil || u.Path != "/" && u.Path != "" || u.Fragment != "" {
		return location{}, false
	}
	l.host, l.insecure = u.Host, r.isInsecure(u)
	if !l.insecure {
		l.host = strings.TrimSuffix(u.Host, ":443")
		if u.Scheme != "https" || u.User != nil || u.Opaque != "" || !t.spokenForBy(l.host) {
			return location{}, false
		}
	}
	sent, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return location{}, false
	}
	asked := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {m.TopicARN}, "Token": {m.Token}}
	for name, values := range asked {
		if !slices.Equal(sent[name], values) {
			return location{}, false
		}
	}
	l.url = u.Scheme + "://" + l.host + "/?" + asked.Encode()
	return l, true
}

// spokenForBy reports whether host is Amazon's for the region of the topic.
func (t topic) spokenForBy(host string) bool {
	parts := amazonHost.FindStringSubmatch(host)
	return parts != nil && parts[1] == t.region && (parts[2] != "") == (t.partition == "aws-cn")
}

// isInsecure reports whether the URL's host is one of Policy.InsecureCertHosts, and the URL nothing more curious than that.
func (r *rules) isInsecure(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return false
	}
	return r.insecure[strings.ToLower(u.Host)] || r.insecure[strings.ToLower(u.Hostname())]
}
