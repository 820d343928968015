package snsmessage

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const confirmed = `<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
  <ConfirmSubscriptionResult><SubscriptionArn>` + testTopic + `:11111111-2222-4333-8444-555555555555</SubscriptionArn></ConfirmSubscriptionResult>
  <ResponseMetadata><RequestId>075ecce8-8dac-11e1-bf80-f781d96e9307</RequestId></ResponseMetadata>
</ConfirmSubscriptionResponse>`

func TestConfirm(t *testing.T) {
	certificate := readTestdata(t, "sns_test_cert.pem")
	var requested []string
	net := &fakeTransport{respond: func(r *http.Request) (*http.Response, error) {
		requested = append(requested, r.Method+" "+r.URL.String())
		if strings.HasSuffix(r.URL.Path, ".pem") {
			return respond(r, 200, certificate), nil
		}
		return respond(r, 200, []byte(confirmed)), nil
	}}
	var logged bytes.Buffer
	v := mustVerifier(t, testPolicy, Options{Transport: net, Roots: roots(t, certificate), Log: slog.New(slog.NewTextHandler(&logged, nil))})
	m := mustParse(t, readTestdata(t, "sns_C_subscription_confirmation_v1.json"))
	if err := v.Verify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := v.Confirm(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET " + testCertURL,
		"GET https://" + testHost + "/?Action=ConfirmSubscription&Token=tok0123456789&TopicArn=arn%3Aaws%3Asns%3Aap-northeast-1%3A123456789012%3Areporting-topic",
	}
	if diff := cmp.Diff(want, requested); diff != "" {
		t.Error(diff)
	}
	if text := logged.String(); !strings.Contains(text, "subscription confirmed") || strings.Contains(text, "tok0123456789") {
		t.Errorf("log: %s", text)
	}
}

func TestConfirmSendsOnlyKnownParameters(t *testing.T) {
	for raw, want := range map[string]string{
		"https://" + testHost + ":443" + confirmQuery:                        "https://" + testHost + "/?",
		"https://" + testHost + strings.TrimPrefix(confirmQuery, "/"):        "https://" + testHost + "/?",
		"https://" + testHost + confirmQuery + "&Other=1":                    "https://" + testHost + "/?",
		"http://127.0.0.1:4100" + confirmQuery:                               "http://127.0.0.1:4100/?",
		"https://" + testHost + strings.Replace(confirmQuery, ":", "%3A", 9): "https://" + testHost + "/?",
	} {
		var requested string
		net := &fakeTransport{respond: func(r *http.Request) (*http.Response, error) {
			requested = r.URL.String()
			return respond(r, 200, []byte(confirmed)), nil
		}}
		v := mustVerifier(t, Policy{Topics: testPolicy.Topics, InsecureCertHosts: []string{"127.0.0.1"}}, Options{Transport: net})
		m := signedMessage(t, "1", confirmation)
		m.SubscribeURL = raw
		wantRefused(t, v.Confirm(t.Context(), m), "")
		if !strings.HasPrefix(requested, want) || strings.Contains(requested, "Other") {
			t.Errorf("%s: requested %s", raw, requested)
		}
	}
}

func TestConfirmRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(m *Message)
		reason string
	}{
		"an unsubscription": {func(m *Message) { m.Type = UnsubscribeConfirmation }, ""},
		"a notification":    {func(m *Message) { m.Type = Notification }, ""},
		"a foreign topic":   {func(m *Message) { m.TopicARN += "2" }, topicNotAllowed},
		"another topic": {func(m *Message) {
			m.SubscribeURL = strings.Replace(m.SubscribeURL, "reporting-topic", "other-topic", 1)
		}, subscribeURL},
		"another token": {func(m *Message) { m.Token = "x" }, subscribeURL},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			net := respondWith(200, []byte(confirmed))
			v := mustVerifier(t, testPolicy, Options{Transport: net})
			m := signedMessage(t, "1", confirmation)
			test.change(m)
			err := v.Confirm(t.Context(), m)
			if test.reason == "" {
				wantTemporary(t, err, "not a SubscriptionConfirmation")
			} else {
				wantRefused(t, err, test.reason)
			}
			net.want(t, 0)
		})
	}
}

func TestConfirmChecksTheResponse(t *testing.T) {
	cases := map[string]struct {
		status int
		body   string
		says   string
	}{
		"400":           {400, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>", "status 400"},
		"503":           {503, "", "status 503"},
		"an error":      {200, "<ErrorResponse/>", "not a ConfirmSubscriptionResponse"},
		"HTML":          {200, "<!doctype html><p>Welcome<br>", "not a ConfirmSubscriptionResponse"},
		"nothing":       {200, "", "not a ConfirmSubscriptionResponse"},
		"no ARN":        {200, "<ConfirmSubscriptionResponse/>", "not to this topic"},
		"pending":       {200, "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>pending confirmation</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>", "not to this topic"},
		"another topic": {200, strings.Replace(confirmed, "reporting-topic", "reporting-topic2", 1), "not to this topic"},
		"cut":           {200, confirmed[:len(confirmed)-5], "not a ConfirmSubscriptionResponse"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			v := mustVerifier(t, testPolicy, Options{Transport: respondWith(test.status, []byte(test.body))})
			err := v.Confirm(t.Context(), signedMessage(t, "1", confirmation))
			wantTemporary(t, err, test.says)
			if !strings.Contains(err.Error(), testTopic) || strings.Contains(err.Error(), "tok0123456789") {
				t.Errorf("the error does not help, or holds the token: %v", err)
			}
		})
	}
}
