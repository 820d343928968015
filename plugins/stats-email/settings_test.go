package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/plugintest"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

func TestCheck(t *testing.T) {
	const smtp = `"from":"a@example.com","smtp":{"host":"mail.example.com"}`
	const sample = `"data":"sample",`
	for _, c := range []struct {
		name, settings string
		want           []string // "severity path: summary"
	}{
		{name: "nothing set", settings: `{}`, want: []string{
			`error from: a sender is needed to send by SMTP`,
			`error intdash: a block "intdash" is needed with data = "intdash"`,
			`error smtp: a block "smtp" is needed with via = "smtp"`,
		}},
		{name: "embedded", settings: `{` + sample + `"via":"maildir"}`},
		{name: "token", settings: `{` + smtp + `,"intdash":{"url":"https://a.example","token":"t"}}`},
		{name: "client", settings: `{` + smtp + `,"intdash":{"url":"https://a.example","client_id":"i","client_secret":"s"}}`},
		{name: "loopback in clear text", settings: `{"from":"a@example.com","smtp":{"host":"localhost","tls":"none","username":"u","password":"p"},"intdash":{"url":"http://127.0.0.1:8000","token":"t"}}`},
		{name: "network in clear text", settings: `{"from":"a@example.com","smtp":{"host":"mail.example.com","tls":"none"},"intdash":{"url":"http://a.example","token":"t"}}`, want: []string{
			"warning intdash.url: the credentials will cross the network in clear text",
			"warning smtp.tls: mails will cross the network in clear text",
		}},
		{name: "password in clear text", settings: `{` + sample + `"from":"a@example.com","smtp":{"host":"192.0.2.1","tls":"none","username":"u","password":"p"}}`, want: []string{
			"error smtp.tls: a password is not sent in clear text to another machine",
		}},
		{name: "no login", settings: `{` + smtp + `,"intdash":{"url":"https://a.example"}}`, want: []string{
			"error intdash.token: a token, or client_id and client_secret, are needed",
		}},
		{name: "two logins", settings: `{` + smtp + `,"intdash":{"url":"https://a.example","token":"t","client_id":"i"}}`, want: []string{
			"error intdash.token: there are two ways to log in",
		}},
		{name: "half a client", settings: `{` + smtp + `,"intdash":{"url":"https://a.example","client_id":"i"}}`, want: []string{
			"error intdash.client_secret: client_id needs client_secret",
		}},
		{name: "other half", settings: `{` + smtp + `,"intdash":{"url":"https://a.example","client_secret":"s"}}`, want: []string{
			"error intdash.client_id: client_secret needs client_id",
		}},
		{name: "bad url and authority", settings: `{` + smtp + `,"intdash":{"url":"a.example","token":"t","ca":"x"}}`, want: []string{
			`error intdash.url: url must look like "https://intdash.example.com"`,
			"error intdash.ca: there is no certificate in it",
		}},
		{name: "bad from", settings: `{` + sample + `"via":"maildir","from":"me"}`, want: []string{
			`error from: "me" is not a mail address: missing '@' or angle-addr`,
		}},
		{name: "no folder", settings: `{` + sample + `"via":"maildir","maildir":""}`, want: []string{"error maildir: a folder is needed"}},
		{name: "bad server", settings: `{` + sample + `"from":"a@example.com","smtp":{"host":"mail.example.com:587","port":70000,"username":"u","ca":"-"}}`, want: []string{
			"error smtp.host: want a name or an address", "error smtp.port: a port is at most 65535",
			"error smtp.username: username and password go together", "error smtp.ca: there is no certificate in it",
		}},
		{name: "unknown values", settings: `{"data":"made-up","via":"pigeon","smtp":{"host":"h","tls":"ssl"}}`, want: []string{
			"error data: want one of intdash, sample", "error via: want one of smtp, maildir, sns, ses", "error smtp.tls: want one of starttls, tls, none",
		}},
		{name: "topic", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `"}}`},
		{name: "no topic", settings: `{` + sample + `"via":"sns"}`, want: []string{`error sns: a block "sns" is needed with via = "sns"`}},
		{name: "sender of a topic", settings: `{` + sample + `"via":"sns","from":"a@example.com","sns":{"topic_arn":"` + amazontest.Topic + `"}}`, want: []string{
			"warning from: mails of an SNS topic come from Amazon's own address",
		}},
		{name: "bad topic", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"arn:aws:sqs:eu-west-1:1:q","access_key":"a","endpoint":"ftp://a"}}`, want: []string{
			`error sns.topic_arn: want the ARN of a topic, "arn:aws:sns:<region>:<account>:<name>"`,
			"error sns.endpoint: want the URL of a server",
			"error sns.access_key: access_key and secret_key go together",
		}},
		{name: "topic elsewhere", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","region":"eu-west-1"}}`, want: []string{
			"error sns.region: the topic is in ap-northeast-1, and SNS accepts messages only there",
		}},
		{name: "emulator", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"` + amazontest.Topic + `","region":"us-east-1","endpoint":"http://127.0.0.1:4566"}}`},
		{name: "SES", settings: `{` + sample + `"via":"ses","from":"a@example.com","ses":{"region":"eu-west-1","access_key":"a","secret_key":"s","session_token":"t"}}`},
		{name: "no SES", settings: `{` + sample + `"via":"ses"}`, want: []string{
			"error from: a sender is needed to send by SES", `error ses: a block "ses" is needed with via = "ses"`,
		}},
		{name: "region of the environment", settings: `{` + sample + `"via":"ses","from":"a@example.com","ses":{}}`},
		{name: "bad region", settings: `{` + sample + `"via":"ses","from":"a@example.com","ses":{"region":"EU West","endpoint":"http://ses.example","session_token":"t"}}`, want: []string{
			"warning ses.endpoint: requests will cross the network in clear text",
			"error ses.region: want the name of a region", "error ses.session_token: session_token needs access_key and secret_key",
		}},
		{name: "unknown partition", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"arn:aws-moon:sns:eu-west-1:123456789012:t"}}`, want: []string{
			`error sns.topic_arn: unknown AWS partition "aws-moon": use one of aws, aws-cn, aws-eusc, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-us-gov`,
		}},
		{name: "region of no partition", settings: `{` + sample + `"via":"ses","from":"a@example.com","ses":{"region":"us-isog-east-1"}}`, want: []string{
			`error ses.region: "us-isog-east-1" is in no AWS partition known here`,
		}},
		{name: "sovereign cloud", settings: `{` + sample + `"via":"sns","sns":{"topic_arn":"arn:aws-eusc:sns:eusc-de-east-1:123456789012:t"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range plugintest.Open(t, newPlugin()).Configure(c.settings, true) {
				severity := "error"
				if d.GetSeverity() == pluginv1.Diagnostic_SEVERITY_WARNING {
					severity = "warning"
				}
				got = append(got, severity+" "+d.GetPath()+": "+d.GetSummary())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A folder that cannot be made shows when the router starts, at the line of the setting.
func TestMaildirCannotBeMade(t *testing.T) {
	ds := plugintest.Open(t, newPlugin()).Configure(`{"data":"sample","via":"maildir","maildir":"/dev/null/mail"}`, false)
	if len(ds) != 1 || ds[0].GetPath() != "maildir" || !strings.Contains(ds[0].GetSummary(), "/dev/null") {
		t.Errorf("got %v", ds)
	}
}
