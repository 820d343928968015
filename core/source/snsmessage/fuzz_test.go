package snsmessage

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// FuzzParse looks for a body whose URLs are accepted although they are not Amazon's, by a check that is independent of the
// code's.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(readTestdata(f, filepath.Base(name)))
	}
	for i, raw := range hostileCertURLs {
		body, err := json.Marshal(map[string]string{
			"Type": SubscriptionConfirmation, "TopicArn": testTopic, "MessageId": "1", "Message": "", "Timestamp": "2", "Token": "tok0123456789",
			"SignatureVersion": "1", "Signature": "3", "SigningCertURL": raw, "SubscribeURL": hostileSubscribeURLs[i%len(hostileSubscribeURLs)],
		})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	r, err := newRuleset(Policy{Topics: []string{"arn:*:sns:*:*:*"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err != nil {
			return
		}
		topic, ok := r.topic(m.TopicARN)
		if !ok {
			return
		}
		if l, ok := r.certificate(m.SigningCertURL, topic); ok {
			checkVisit(t, l, topic, regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]+\.pem$`), "")
		}
		if l, ok := r.confirmation(m, topic); ok {
			query := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {m.TopicARN}, "Token": {m.Token}}
			checkVisit(t, l, topic, regexp.MustCompile(`^/$`), query.Encode())
		}
	})
}

func checkVisit(t *testing.T, l location, topic topic, path *regexp.Regexp, query string) {
	t.Helper()
	u, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	end := ".amazonaws.com"
	switch topic.partition {
	case "aws-cn":
		end += ".cn"
	case "aws-eusc":
		end = ".amazonaws.eu"
	case "aws", "aws-us-gov":
	default:
		return // the isolated partitions are in TestCertificateURLsOfAmazon
	}
	if u.Scheme != "https" || u.Host != "sns."+topic.region+end || u.User != nil || u.Fragment != "" || u.RawQuery != query ||
		!path.MatchString(u.Path) || strings.ContainsAny(topic.region, "./@:") || u.Host != l.host {
		t.Fatalf("%s would be requested", l.url)
	}
}
