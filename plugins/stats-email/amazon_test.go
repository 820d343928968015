package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

// keys are what both blocks have, for a test server.
func keys(server *amazontest.Server, secret string) map[string]any {
	return map[string]any{
		"endpoint": server.URL, "access_key": amazontest.AccessKey, "secret_key": secret, "session_token": amazontest.SessionToken,
	}
}

func bySNS(server *amazontest.Server, secret string) map[string]any {
	block := keys(server, secret)
	block["topic_arn"] = amazontest.Topic
	return map[string]any{"data": "sample", "via": "sns", "sns": block}
}

func bySES(server *amazontest.Server, secret string) map[string]any {
	block := keys(server, secret)
	block["region"] = amazontest.Region
	return map[string]any{"data": "sample", "via": "ses", "from": "Pointsman <pointsman@lab.example.com>", "ses": block}
}

func TestConformanceOfSNS(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: object(t, bySNS(server, amazontest.SecretKey)),
		Failing:  object(t, bySNS(server, "canary-wrong-secret-key")),
		BadSettings: map[string]string{
			"sns":               `{"data":"sample","via":"sns"}`,
			"sns.topic_arn":     `{"data":"sample","via":"sns","sns":{"topic_arn":"reporting-topic"}}`,
			"sns.region":        `{"data":"sample","via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","region":"eu-west-1"}}`,
			"sns.endpoint":      `{"data":"sample","via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","endpoint":"localhost"}}`,
			"sns.access_key":    `{"data":"sample","via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","secret_key":"canary-secret"}}`,
			"sns.session_token": `{"data":"sample","via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","session_token":"canary-token"}}`,
		},
		Arguments: `{"to":[],"subject":"{{.Average}}","body":"{{.Count}}\n","filter":["float64:10/distance"]}`,
		Event:     completed,
	})
}

func TestConformanceOfSES(t *testing.T) {
	server := amazontest.NewSES(t)
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: object(t, bySES(server, amazontest.SecretKey)),
		Failing:  object(t, bySES(server, "canary-wrong-secret-key")),
		BadSettings: map[string]string{
			"from":           `{"data":"sample","via":"ses","ses":{"region":"eu-west-1"}}`,
			"ses":            `{"data":"sample","via":"ses","from":"a@example.com"}`,
			"ses.region":     `{"data":"sample","via":"ses","from":"a@example.com","ses":{"region":"EU West"}}`,
			"ses.access_key": `{"data":"sample","via":"ses","from":"a@example.com","ses":{"region":"eu-west-1","access_key":"canary-key"}}`,
		},
		Arguments: `{"to":["ops@example.com"],"subject":"{{.Average}}","body":"{{.Count}}\n","filter":["float64:10/distance"]}`,
		Event:     completed,
	})
}

// The topic's subscribers get the mail, once, also when the delivery comes again after a crash.
func TestSampleToSNS(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	h := plugintest.Start(t, newPlugin(), object(t, bySNS(server, amazontest.SecretKey)))
	d := h.NewDelivery(completed(), `{"to":[],"subject":"Measurement\r\nfinished"}`)
	for range 2 {
		checkOutcome(t, h.Send(d)[0], done, amazontest.MessageID+"b, 1000 samples")
	}
	taken := server.Taken()
	if len(taken) != 1 {
		t.Fatalf("%d messages", len(taken))
	}
	if form := taken[0].Form(t); form.Get("Message") != sampleText || form.Get("Subject") != "Measurement finished" {
		t.Errorf("got %v", form)
	}
}

func TestSampleToFIFO(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	settings := bySNS(server, amazontest.SecretKey)
	settings["sns"].(map[string]any)["topic_arn"] = amazontest.FIFOTopic
	h := plugintest.Start(t, newPlugin(), object(t, settings))
	d := h.NewDelivery(completed(), `{"to":[]}`)
	checkOutcome(t, h.Send(d)[0], done, "1000 samples")
	if form := server.Taken()[0].Form(t); form.Get("MessageGroupId") != d.GetRule() || form.Get("MessageDeduplicationId") != d.GetId() {
		t.Errorf("got %v", form)
	}
}

func TestSampleBySES(t *testing.T) {
	server := amazontest.NewSES(t)
	settings := bySES(server, amazontest.SecretKey)
	settings["ses"].(map[string]any)["configuration_set"] = "reports"
	h := plugintest.Start(t, newPlugin(), object(t, settings))
	d := h.NewDelivery(completed(), `{"to":["ops@example.com","Lab <lab@example.com>","ops@example.com"],"subject":"計測完了"}`)
	for range 2 {
		checkOutcome(t, h.Send(d)[0], done, amazontest.MessageID+"b, 1000 samples")
	}
	taken := server.Taken()
	if len(taken) != 1 {
		t.Fatalf("%d mails", len(taken))
	}
	var got map[string]any
	if err := json.Unmarshal(taken[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"FromEmailAddress":     `"Pointsman" <pointsman@lab.example.com>`,
		"Destination":          map[string]any{"ToAddresses": []any{"ops@example.com", `"Lab" <lab@example.com>`}},
		"ConfigurationSetName": "reports",
		"EmailTags":            []any{map[string]any{"Name": "rule", "Value": "test"}},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": map[string]any{"Data": "計測完了", "Charset": "UTF-8"},
			"Body":    map[string]any{"Text": map[string]any{"Data": sampleText, "Charset": "UTF-8"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a mail server took for one of two recipients is not what SES is owed.
func TestFromSMTPToSES(t *testing.T) {
	smtp := mailtest.New(t, mailtest.Options{Rcpt: func(a string) error {
		if a == "later@example.com" {
			return mailtest.Reply(451, "later")
		}
		return nil
	}})
	ses := amazontest.NewSES(t)
	first := plugintest.Start(t, newPlugin(), object(t, bySMTP(smtp.Port, smtp.Cert)))
	d := first.NewDelivery(completed(), `{"to":["ops@example.com","later@example.com"]}`)
	checkOutcome(t, first.Send(d)[0], retry, "sent to ops@example.com, but")
	second := plugintest.Open(t, newPlugin())
	if err := os.CopyFS(second.DataDir, os.DirFS(first.DataDir)); err != nil {
		t.Fatal(err)
	}
	if ds := second.Configure(object(t, bySES(ses, amazontest.SecretKey)), false); len(ds) > 0 {
		t.Fatal(ds)
	}
	checkOutcome(t, second.Send(d)[0], done, amazontest.MessageID)
	if len(ses.Taken()) != 1 {
		t.Error("nobody got the mail by SES")
	}
}

// Who may, must and must not be named in `to`.
func TestRecipientsByVia(t *testing.T) {
	sns, ses := amazontest.NewSNS(t, false), amazontest.NewSES(t)
	topic := plugintest.Start(t, newPlugin(), object(t, bySNS(sns, amazontest.SecretKey)))
	service := plugintest.Start(t, newPlugin(), object(t, bySES(ses, amazontest.SecretKey)))
	folder := plugintest.Start(t, newPlugin(), object(t, intoMaildir(t.TempDir())))
	addresses := func(n int) string {
		var to []string
		for i := range n {
			to = append(to, fmt.Sprintf(`"a%d@example.com"`, i))
		}
		return `{"to":[` + strings.Join(to, ",") + `]}`
	}
	checkOutcome(t, topic.Deliver(completed(), toOps)[0], reject, `to: with via = "sns" the subscribers of the topic get the mail`)
	checkOutcome(t, topic.Deliver(completed(), `{"to":[]}`)[0], done, "")
	checkOutcome(t, service.Deliver(completed(), `{"to":[]}`)[0], reject, "to: 0 addresses; want 1 to 50")
	checkOutcome(t, service.Deliver(completed(), addresses(51))[0], reject, "to: 51 addresses; want 1 to 50")
	checkOutcome(t, service.Deliver(completed(), addresses(50))[0], done, "")
	checkOutcome(t, folder.Deliver(completed(), `{"to":[]}`)[0], reject, "to: 0 addresses; want 1 to 100")
	checkOutcome(t, folder.Deliver(completed(), addresses(100))[0], done, "")
	if len(sns.Taken()) != 1 || len(ses.Taken()) != 1 {
		t.Errorf("%d messages, %d mails", len(sns.Taken()), len(ses.Taken()))
	}
}

// What Amazon's refusals and silences make of a delivery.
func TestOutcomesOfAmazon(t *testing.T) {
	sns, ses := amazontest.NewSNS(t, false), amazontest.NewSES(t)
	topic := plugintest.Start(t, newPlugin(), object(t, bySNS(sns, amazontest.SecretKey)))
	service := plugintest.Start(t, newPlugin(), object(t, bySES(ses, amazontest.SecretKey)))

	sns.Fail(amazontest.Fault{Status: 403, Code: "AuthorizationError", Message: "no"})
	checkOutcome(t, topic.Deliver(completed(), `{"to":[]}`)[0], reject, "the credentials must be allowed sns:Publish")
	sns.Fail(amazontest.Fault{Status: 500, Code: "InternalError", Message: "sorry"})
	checkOutcome(t, topic.Deliver(completed(), `{"to":[]}`)[0], retry, "InternalError: sorry")
	sns.Fail(amazontest.Fault{Cut: true})
	d := topic.NewDelivery(completed(), `{"to":[]}`)
	checkOutcome(t, topic.Send(d)[0], retry, "SNS topic")
	checkOutcome(t, topic.Send(d)[0], done, "1000 samples") // the second mail: nothing could tell
	if n := len(sns.Taken()); n != 2 {
		t.Errorf("%d messages", n)
	}

	ses.Fail(amazontest.Fault{Status: 400, Code: "MessageRejected", Message: "Email address is not verified."})
	checkOutcome(t, service.Deliver(completed(), toOps)[0], reject, "MessageRejected: Email address is not verified")
	ses.Fail(amazontest.Fault{Status: 429, Code: "TooManyRequestsException", Message: "Maximum sending rate exceeded."})
	slow := service.Deliver(completed(), toOps)[0]
	checkOutcome(t, slow, retry, "Maximum sending rate exceeded")
	if after := slow.GetRetryAfter().AsDuration().Seconds(); after < 1 || after >= 2 {
		t.Errorf("after %v s", after)
	}
	ses.Fail(amazontest.Fault{Status: 400, Code: "ThrottlingException", Message: "Daily message quota exceeded."})
	day := service.Deliver(completed(), toOps)[0]
	checkOutcome(t, day, retry, "Daily message quota exceeded")
	if after := day.GetRetryAfter().AsDuration().Minutes(); after < 10 {
		t.Errorf("after %v min", after)
	}
}
