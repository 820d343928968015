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

// location is a URL that may be requested. It is built from checked parts, never copied from a message.
type location struct {
	url  string
	host string
	// insecure is set for the hosts of Policy.InsecureCertHosts.
	insecure bool
}

// certificate returns the location of a signing certificate. ok is false if raw is not an allowed URL for the topic.
func (r *ruleset) certificate(raw string, t topic) (l location, ok bool) {
	if parts := amazonCertificate.FindStringSubmatch(raw); parts != nil {
		host, path := parts[1], parts[4]
		return location{url: "https://" + host + path, host: host}, t.servedBy(host)
	}
	u, err := url.Parse(raw)
	if err != nil || !r.isInsecure(u) || u.RawQuery != "" || u.ForceQuery || !strings.HasSuffix(u.Path, ".pem") {
		return location{}, false
	}
	return location{url: u.Scheme + "://" + u.Host + u.EscapedPath(), host: u.Host, insecure: true}, true
}

// confirmation returns the location that confirms a subscription. ok is false if the SubscribeURL is not an allowed one.
func (r *ruleset) confirmation(m *Message, t topic) (l location, ok bool) {
	u, err := url.Parse(m.SubscribeURL)
	if err != nil || u.Path != "/" && u.Path != "" || u.Fragment != "" {
		return location{}, false
	}
	l.host, l.insecure = u.Host, r.isInsecure(u)
	if !l.insecure {
		l.host = strings.TrimSuffix(u.Host, ":443")
		if u.Scheme != "https" || u.User != nil || u.Opaque != "" || !t.servedBy(l.host) {
			return location{}, false
		}
	}
	sent, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return location{}, false
	}
	want := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {m.TopicARN}, "Token": {m.Token}}
	for name, values := range want {
		if !slices.Equal(sent[name], values) {
			return location{}, false
		}
	}
	l.url = u.Scheme + "://" + l.host + "/?" + want.Encode()
	return l, true
}

// servedBy reports whether host is Amazon's SNS endpoint for the region of the topic.
func (t topic) servedBy(host string) bool {
	parts := amazonHost.FindStringSubmatch(host)
	return parts != nil && parts[1] == t.region && (parts[2] != "") == (t.partition == "aws-cn")
}

// isInsecure reports whether u is a plain http or https URL of a host in Policy.InsecureCertHosts.
func (r *ruleset) isInsecure(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return false
	}
	return r.insecure[strings.ToLower(u.Host)] || r.insecure[strings.ToLower(u.Hostname())]
}
