package snsmessage

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{20,64}\.pem$`)

// location is a URL that may be requested. It is built from checked parts, never copied from a message.
type location struct {
	url  string
	host string
	// names are those that a certificate at the location may be issued for.
	names []string
	// insecure is set for the hosts of Policy.InsecureCertHosts.
	insecure bool
}

// certificate returns the location of a signing certificate. ok is false if raw is not an allowed URL for the topic.
func (r *ruleset) certificate(raw string, t topic) (l location, ok bool) {
	host := t.host()
	if rest, ok := strings.CutPrefix(raw, "https://"+host); ok {
		path := strings.TrimPrefix(rest, ":443")
		return location{url: "https://" + host + path, host: host, names: t.certificateNames()}, certificatePath.MatchString(path)
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
		if u.Scheme != "https" || u.User != nil || u.Opaque != "" || l.host != t.host() {
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

// isInsecure reports whether u is a plain http or https URL of a host in Policy.InsecureCertHosts.
func (r *ruleset) isInsecure(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return false
	}
	return r.insecure[strings.ToLower(u.Host)] || r.insecure[strings.ToLower(u.Hostname())]
}
