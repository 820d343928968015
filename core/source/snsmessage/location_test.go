package snsmessage

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
)

const hexName = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

// hostileCertURLs must not be requested. LISTENER is a real server.
var hostileCertURLs = []string{
	"",
	"http://" + testHost + hexName,
	"HTTPS://" + testHost + hexName,
	"ftp://" + testHost + hexName,
	"file:///etc/passwd",
	"//" + testHost + hexName,
	testHost + hexName,
	"https://LISTENER" + hexName,
	"http://LISTENER" + hexName,
	"https://127.0.0.1" + hexName,
	"https://[::1]" + hexName,
	"https://169.254.169.254/latest/meta-data/iam.pem",
	"https://localhost" + hexName,
	"https://sns.evil.com" + hexName,
	"https://evil.com" + hexName,
	"https://" + testHost + ".evil.com" + hexName,
	"https://" + testHost + "@evil.com" + hexName,
	"https://" + testHost + ":443@LISTENER" + hexName,
	"https://user@" + testHost + hexName,
	"https://user:pass@" + testHost + hexName,
	"https://LISTENER@" + testHost + hexName,
	"https://" + testHost + "\\@LISTENER" + hexName,
	"https://" + testHost + "#@LISTENER" + hexName,
	"https://" + testHost + "?@LISTENER" + hexName,
	"https://LISTENER#" + testHost + hexName,
	"https://LISTENER/" + testHost + hexName,
	"https://LISTENER\\." + testHost + hexName,
	"https://" + testHost + "." + hexName,
	"https://" + testHost + ":80" + hexName,
	"https://" + testHost + ":8443" + hexName,
	"https://" + testHost + ":" + hexName,
	"https://" + testHost + ":443:443" + hexName,
	"https://" + testHost + hexName + "?x=1",
	"https://" + testHost + hexName + "?",
	"https://" + testHost + hexName + "#x",
	"https://" + testHost + hexName + "#",
	"https://" + testHost + hexName + "\n",
	"\n https://" + testHost + hexName,
	" https://" + testHost + hexName,
	"https://" + testHost + hexName + "\x00",
	"https://" + testHost + "/%2e%2e" + hexName,
	"https://" + testHost + "/.." + hexName,
	"https://" + testHost + "/" + hexName,
	"https://" + testHost + "/x" + hexName,
	"https://" + testHost + "/SimpleNotificationService-.pem",
	"https://" + testHost + "/SimpleNotificationService-0123456789abcdefghij.pem",
	"https://" + testHost + "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem.exe",
	"https://" + testHost + "/SimpleNotificationService-0123456789abcdef0123456789abcdef%2epem",
	"https://" + testHost + "/?Action=ConfirmSubscription",
	"https://" + testHost,
	"https://sns.us-east-1.amazonaws.com" + hexName, // not the region of the topic
	"https://" + testHost + ".cn" + hexName,         // not its partition
	"https://sns.ap_northeast_1.amazonaws.com" + hexName,
	"https://sns.ap.northeast.1.amazonaws.com" + hexName,
	"https://sns.a.amazonaws.com" + hexName,
	"https://sns..amazonaws.com" + hexName,
	"https://sns.amazonaws.com" + hexName,
	"https://sns-ap-northeast-1.amazonaws.com" + hexName,
	"https://xsns.ap-northeast-1.amazonaws.com" + hexName,
	"https://x.sns.ap-northeast-1.amazonaws.com" + hexName,
	"https://sns.ap-northeast-1.amazonawsXcom" + hexName,
	"https://bucket.s3.ap-northeast-1.amazonaws.com" + hexName,
	"https://sns.ap-northeast-1.amazonaws.com。evil.com" + hexName,
	"https://ѕns.ap-northeast-1.amazonaws.com" + hexName, // Cyrillic
	"https://sns.ap%2dnortheast-1.amazonaws.com" + hexName,
	"javascript:alert(1)",
	"data:application/x-pem-file,x.pem",
}

const confirmQuery = "/?Action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=tok0123456789"

// hostileSubscribeURLs must not be requested although they are signed.
var hostileSubscribeURLs = []string{
	"",
	"http://" + testHost + confirmQuery,
	"ftp://" + testHost + confirmQuery,
	"https:" + testHost + confirmQuery,
	"//" + testHost + confirmQuery,
	"https://LISTENER" + confirmQuery,
	"http://LISTENER" + confirmQuery,
	"https://169.254.169.254" + confirmQuery,
	"https://[::ffff:127.0.0.1]" + confirmQuery,
	"https://evil.com" + confirmQuery,
	"https://sns.evil.com" + confirmQuery,
	"https://" + testHost + ".evil.com" + confirmQuery,
	"https://" + testHost + "@LISTENER" + confirmQuery,
	"https://user@" + testHost + confirmQuery,
	"https://" + testHost + "\\@LISTENER" + confirmQuery,
	"https://LISTENER#" + testHost + confirmQuery,
	"https://" + testHost + ":8443" + confirmQuery,
	"https://" + testHost + ":443:443" + confirmQuery,
	"https://" + testHost + "." + confirmQuery,
	"https://sns.us-east-1.amazonaws.com" + confirmQuery,
	"https://" + testHost + ".cn" + confirmQuery,
	"https://" + testHost + confirmQuery + "#x",
	"https://" + testHost + confirmQuery + "&Action=DeleteTopic",
	"https://" + testHost + confirmQuery + "&Token=other",
	"https://" + testHost + confirmQuery + "&TopicArn=" + testTopic,
	"https://" + testHost + confirmQuery + "&%zz=1",
	"https://" + testHost + confirmQuery + ";x=1",
	"https://" + testHost + "/x" + confirmQuery,
	"https://" + testHost + "/?Action=DeleteTopic&TopicArn=" + testTopic + "&Token=tok0123456789",
	"https://" + testHost + "/?action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=tok0123456789",
	"https://" + testHost + "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:ap-northeast-1:666666666666:evil&Token=tok0123456789",
	"https://" + testHost + "/?Action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=",
	"https://" + testHost + "/?Action=ConfirmSubscription&TopicArn=" + testTopic,
	"https://" + testHost + "/?Action=ConfirmSubscription&Token=tok0123456789",
	"https://" + testHost + "/",
}

// trap is a real server and a transport that sends the requests for every host to it.
type trap struct {
	*fakeTransport
	address  string
	accepted atomic.Int64
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	caught := &trap{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			caught.accepted.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	caught.address = server.Listener.Addr().String()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, caught.address)
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it must catch everything
		DisableKeepAlives: true,
	}
	caught.fakeTransport = &fakeTransport{respond: transport.RoundTrip}
	return caught
}

func (c *trap) want(t *testing.T, connections int64) {
	t.Helper()
	c.fakeTransport.want(t, connections)
	if got := c.accepted.Load(); got != connections {
		t.Errorf("%d connections, want %d", got, connections)
	}
}

func TestHostileURLsAreNotRequested(t *testing.T) {
	caught := newTrap(t)
	verifiers := map[string]*Verifier{
		"every host is the trap": mustVerifier(t, testPolicy, Options{Transport: caught}),
		"the real transport":     mustVerifier(t, testPolicy, Options{}),
		"an emulator elsewhere": mustVerifier(t, Policy{Topics: testPolicy.Topics, InsecureCertHosts: []string{"emulator:4100"}},
			Options{Transport: caught}),
	}
	for name, v := range verifiers {
		t.Run(name, func(t *testing.T) {
			for _, raw := range hostileCertURLs {
				m := signedMessage(t, "2", nil)
				m.SigningCertURL = strings.ReplaceAll(raw, "LISTENER", caught.address)
				err := v.Verify(t.Context(), m)
				if err == nil || err.Error() != certURL {
					t.Errorf("signing certificate %q: %v", m.SigningCertURL, err)
				}
			}
			for _, raw := range hostileSubscribeURLs {
				m := &Message{Type: SubscriptionConfirmation, TopicARN: testTopic, Token: "tok0123456789"}
				m.SubscribeURL = strings.ReplaceAll(raw, "LISTENER", caught.address)
				err := v.Confirm(t.Context(), m)
				if err == nil || err.Error() != subscribeURL {
					t.Errorf("subscription %q: %v", m.SubscribeURL, err)
				}
			}
			caught.want(t, 0)
		})
	}
	// The trap works: a valid URL reaches it.
	wantRefused(t, verifiers["every host is the trap"].Verify(t.Context(), signedMessage(t, "2", nil)), certInvalid)
	caught.want(t, 1)
}

func TestCertificateURLsOfAmazon(t *testing.T) {
	cases := []struct{ raw, arn, want string }{
		{testCertURL, testTopic, testCertURL},
		{"https://" + testHost + ":443" + hexName, testTopic, testCertURL},
		{"https://sns.cn-north-1.amazonaws.com.cn" + hexName, "arn:aws-cn:sns:cn-north-1:1:x", "https://sns.cn-north-1.amazonaws.com.cn" + hexName},
		{"https://sns.cn-north-1.amazonaws.com" + hexName, "arn:aws-cn:sns:cn-north-1:1:x", ""},
		{"https://sns.us-gov-west-1.amazonaws.com" + hexName, "arn:aws-us-gov:sns:us-gov-west-1:1:x", "https://sns.us-gov-west-1.amazonaws.com" + hexName},
		{"https://sns.eusc-de-east-1.amazonaws.eu" + hexName, "arn:aws-eusc:sns:eusc-de-east-1:1:x", "https://sns.eusc-de-east-1.amazonaws.eu" + hexName},
		{"https://sns.eusc-de-east-1.amazonaws.com" + hexName, "arn:aws-eusc:sns:eusc-de-east-1:1:x", ""},
		{"https://sns.eusc-de-east-1.amazonaws.eu" + hexName, "arn:aws:sns:eusc-de-east-1:1:x", ""},
		{"https://sns.us-iso-east-1.c2s.ic.gov" + hexName, "arn:aws-iso:sns:us-iso-east-1:1:x", "https://sns.us-iso-east-1.c2s.ic.gov" + hexName},
		{"https://sns.us-isob-east-1.sc2s.sgov.gov:443" + hexName, "arn:aws-iso-b:sns:us-isob-east-1:1:x", "https://sns.us-isob-east-1.sc2s.sgov.gov" + hexName},
		{"https://sns.eu-isoe-west-1.cloud.adc-e.uk" + hexName, "arn:aws-iso-e:sns:eu-isoe-west-1:1:x", "https://sns.eu-isoe-west-1.cloud.adc-e.uk" + hexName},
		{"https://sns.us-isof-south-1.csp.hci.ic.gov" + hexName, "arn:aws-iso-f:sns:us-isof-south-1:1:x", "https://sns.us-isof-south-1.csp.hci.ic.gov" + hexName},
		{"http://127.0.0.1:4100/SimpleNotificationService/1-2.pem", "arn:aws:sns:local:1:x", "http://127.0.0.1:4100/SimpleNotificationService/1-2.pem"},
		{"https://127.0.0.1:4101/x.pem", "arn:aws:sns:local:1:x", ""},
		{"http://user@127.0.0.1:4100/x.pem", "arn:aws:sns:local:1:x", ""},
		{"http://127.0.0.1:4100/x.pem?y", "arn:aws:sns:local:1:x", ""},
		{"http://127.0.0.1:4100/x.pem?", "arn:aws:sns:local:1:x", ""},
		{"http://127.0.0.1:4100/x.txt", "arn:aws:sns:local:1:x", ""},
		{"gopher://127.0.0.1:4100/x.pem", "arn:aws:sns:local:1:x", ""},
		{"https://LocalStack/_aws/sns/x.pem", "arn:aws:sns:local:1:x", "https://LocalStack/_aws/sns/x.pem"},
		{"http://localstack:4566/_aws/sns/x.pem", "arn:aws:sns:local:1:x", "http://localstack:4566/_aws/sns/x.pem"},
		{"http://[::1]:9/a/../x.pem", "arn:aws:sns:local:1:x", "http://[::1]:9/a/../x.pem"},
		{"http://localstack.evil.com/x.pem", "arn:aws:sns:local:1:x", ""},
	}
	r, err := newRuleset(Policy{
		Topics:            []string{"arn:aws*:sns:*:*:*"},
		InsecureCertHosts: []string{"127.0.0.1:4100", "LOCALSTACK", "[::1]"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		topic, ok := r.topic(c.arn)
		if !ok {
			t.Fatal(c.arn)
		}
		l, ok := r.certificate(c.raw, topic)
		if ok != (c.want != "") || ok && l.url != c.want {
			t.Errorf("%s: %t %q, want %q", c.raw, ok, l.url, c.want)
		}
	}
}

// A subscription is confirmed at the host of the topic's partition only.
func TestSubscribeURLsOfEveryPartition(t *testing.T) {
	r, err := newRuleset(Policy{Topics: []string{"arn:*:sns:*:*:*"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range partition.Names() {
		arn := "arn:" + name + ":sns:some-region-1:1:x"
		topic, ok := r.topic(arn)
		if !ok {
			t.Fatal(arn)
		}
		for _, other := range partition.Names() {
			m := &Message{TopicARN: arn, Token: "tok", SubscribeURL: "https://sns.some-region-1." + partition.Domain(other) + "/?Action=ConfirmSubscription&TopicArn=" + arn + "&Token=tok"}
			if _, ok := r.confirmation(m, topic); ok != (partition.Domain(other) == partition.Domain(name)) {
				t.Errorf("%s: %s is confirmed: %t", arn, m.SubscribeURL, ok)
			}
		}
	}
	if _, ok := r.topic("arn:aws-new:sns:some-region-1:1:x"); ok {
		t.Error("a topic of an unknown partition is allowed")
	}
}
