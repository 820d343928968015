package awsmail

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
)

// published is the documented request. The SDK orders the fields differently, so they are compared decoded.
const published = "Action=Publish&Message=Average%3A+99.506109%0AUnbiased+Variance%3A+243.961858%0A&Subject=Measurement+finished&" +
	"TopicArn=arn%3Aaws%3Asns%3Aap-northeast-1%3A123456789012%3Areporting-topic&Version=2010-03-31"

func TestPublish(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	id, err := topic(t, withKeys(), server.URL).Send(t.Context(), message())
	if err != nil || id != amazontest.MessageID+"b" {
		t.Fatalf("%q, %v", id, err)
	}
	want, err := url.ParseQuery(published)
	if err != nil {
		t.Fatal(err)
	}
	got := server.Taken()[0].Form(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Encode() != published { // both in alphabetical order: the same bytes
		t.Errorf("got %s", got.Encode())
	}
}

func TestFIFO(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	for rule, group := range map[string]string{"stats": "stats", "": "pointsman", "計測 x": "---x", strings.Repeat("r", 200): strings.Repeat("r", 128)} {
		out, err := OpenTopic(t.Context(), withKeys(), server.URL, amazontest.FIFOTopic, false)
		if err != nil {
			t.Fatal(err)
		}
		m := message()
		m.Rule = rule
		if _, err := out.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		_ = out.Close()
		taken := server.Taken()
		form := taken[len(taken)-1].Form(t)
		if form.Get("MessageGroupId") != group || form.Get("MessageDeduplicationId") != "01K2-delivery" {
			t.Errorf("rule %q: got %v", rule, form)
		}
	}
}

func TestSubject(t *testing.T) {
	for _, c := range []struct {
		name, subject string
		want, ascii   string
	}{
		{name: "plain", subject: "Measurement finished", want: "Measurement finished", ascii: "Measurement finished"},
		{name: "empty"},
		{name: "only spaces", subject: " \r\n\t\x00\u2028 "},
		{name: "line ends", subject: " a\r\nBcc: b\x00\x7f\u0085c\u2028d ", want: "a Bcc: b c d", ascii: "a Bcc: b c d"},
		{name: "99", subject: strings.Repeat("x", 99), want: strings.Repeat("x", 99), ascii: strings.Repeat("x", 99)},
		{name: "100", subject: strings.Repeat("x", 100), want: strings.Repeat("x", 99), ascii: strings.Repeat("x", 99)},
		{name: "space at the cut", subject: strings.Repeat("x", 98) + " yz", want: strings.Repeat("x", 98), ascii: strings.Repeat("x", 98)},
		{name: "long Japanese", subject: strings.Repeat("計", 150), want: strings.Repeat("計", 99), ascii: plainSubject},
		{name: "Japanese", subject: "計測完了: 平均 99.5", want: "計測完了: 平均 99.5", ascii: plainSubject},
		{name: "not UTF-8", subject: "a\xffb", want: "a\uFFFDb", ascii: plainSubject},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, ascii := range []bool{false, true} {
				server := amazontest.NewSNS(t, ascii)
				out := topic(t, withKeys(), server.URL)
				out.asciiSubject = ascii
				m := message()
				m.Subject = c.subject
				if _, err := out.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				want := c.want
				if ascii {
					want = c.ascii
				}
				form := server.Taken()[0].Form(t)
				if form.Get("Subject") != want || form.Has("Subject") != (want != "") {
					t.Errorf("ascii_subject = %t: got %q", ascii, form["Subject"])
				}
			}
		})
	}
}

// The error of a region with the older rule has a hint.
func TestOldRuleForSubjects(t *testing.T) {
	server := amazontest.NewSNS(t, true)
	m := message()
	m.Subject = "計測完了"
	_, err := topic(t, withKeys(), server.URL).Send(t.Context(), m)
	checkRefusal(t, err, true, ": set ascii_subject = true")
}

func TestMessageSize(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	out := topic(t, withKeys(), server.URL)
	m := message()
	m.Text = strings.Repeat("é", maxMessage/2)
	if _, err := out.Send(t.Context(), m); err != nil {
		t.Error(err)
	}
	m.Text += "x"
	_, err := out.Send(t.Context(), m)
	checkRefusal(t, err, true, "the text has 262145 bytes; SNS accepts at most 262144")
	if len(server.Taken()) != 1 {
		t.Error("it was sent")
	}
}

func checkRefusal(t *testing.T, err error, permanent bool, says string) amazon.Error {
	t.Helper()
	var refusal *amazon.Error
	if !errors.As(err, &refusal) || refusal.Permanent != permanent || !strings.Contains(refusal.Error(), says) {
		t.Fatalf("got %v, want permanent %t: %s", err, permanent, says)
	}
	return *refusal
}

func TestSNSErrors(t *testing.T) {
	for _, c := range []struct {
		status    int
		code      string
		permanent bool
	}{
		{400, "InvalidParameter", true},
		{400, "ParameterValueInvalid", true},
		{400, "InvalidParameterValue", true},
		{404, "NotFound", true},
		{403, "AuthorizationError", true},
		{403, "InvalidSecurity", true},
		{403, "InvalidClientTokenId", true},
		{403, "SignatureDoesNotMatch", true},
		{400, "EndpointDisabled", true},
		{400, "PlatformApplicationDisabled", true},
		{400, "ValidationException", true},
		{400, "KMSAccessDenied", true},
		{400, "KMSDisabled", true},
		{400, "KMSInvalidState", true},
		{400, "KMSNotFound", true},
		{400, "KMSOptInRequired", true},
		{400, "KMSThrottling", false},
		{400, "Throttled", false},
		{429, "Throttled", false},
		{400, "Throttling", false},
		{400, "ThrottlingException", false},
		{403, "ExpiredToken", false},
		{408, "RequestTimeout", false},
		{500, "InternalError", false},
		{500, "InternalFailure", false},
		{503, "ServiceUnavailable", false},
		{502, "Anything", false},
	} {
		t.Run(c.code, func(t *testing.T) {
			server := amazontest.NewSNS(t, false)
			server.Fail(amazontest.Fault{Status: c.status, Code: c.code, Message: "canary\n<says> & no"})
			_, err := topic(t, withKeys(), server.URL).Send(t.Context(), message())
			e := checkRefusal(t, err, c.permanent, "SNS topic "+amazontest.Topic+": "+c.code+": canary <says> & no")
			if e.Status != c.status || e.RetryAfter != 0 {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestNoSuchTopic(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	out := topic(t, withKeys(), server.URL)
	out.arn += "-other"
	_, err := out.Send(t.Context(), message())
	if e := checkRefusal(t, err, true, "NotFound: Topic does not exist"); e.Status != http.StatusNotFound {
		t.Errorf("got %+v", e)
	}
}

// A page that is not from AWS does not prove that the mail was accepted, whatever its status.
func TestNotAmazon(t *testing.T) {
	page := amazontest.Fault{Status: http.StatusOK, Raw: "<html><body>A page</body></html>"}
	sns, ses := amazontest.NewSNS(t, false), amazontest.NewSES(t)
	sns.Fail(page)
	ses.Fail(page)
	if _, err := topic(t, withKeys(), sns.URL).Send(t.Context(), message()); err == nil {
		t.Error("SNS: no error")
	}
	if _, err := open(t, withKeys(), ses.URL).Send(t.Context(), message()); err == nil {
		t.Error("SES: no error")
	}
}

// After a lost response it is unknown whether the mail was sent, so the delivery is retried.
func TestLostAnswer(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	server.Fail(amazontest.Fault{Cut: true})
	_, err := topic(t, withKeys(), server.URL).Send(t.Context(), message())
	var refusal *amazon.Error
	if err == nil || errors.As(err, &refusal) || len(server.Taken()) != 1 {
		t.Errorf("%d taken, %v", len(server.Taken()), err)
	}
}

func TestTopicRegion(t *testing.T) {
	for topic, want := range map[string]string{
		amazontest.Topic: "ap-northeast-1", amazontest.FIFOTopic: "ap-northeast-1",
		"arn:aws-cn:sns:cn-north-1:123456789012:t": "cn-north-1", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:t": "us-gov-west-1",
		"arn:aws-eusc:sns:eusc-de-east-1:123456789012:t": "eusc-de-east-1", "arn:aws-iso-f:sns:us-isof-south-1:123456789012:t": "us-isof-south-1",
		"arn:aws:sns:emulated:000000000000:t":   "emulated",
		"arn:aws:sns:cn-north-1:123456789012:t": "", "arn:aws-new:sns:eu-west-1:123456789012:t": "",
		"arn:aws:sqs:eu-west-1:123456789012:queue": "", "arn:aws:sns::123456789012:t": "", "arn:aws:sns:eu-west-1:123456789012:": "",
		"arn:aws:sns:eu-west-1:123456789012:t:5be8f5b6-subscription": "", "topic": "", "": "",
	} {
		if got, err := TopicRegion(topic); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", topic, got, err)
		}
	}
}
