package awsmail

import (
	"encoding/json"
	"errors"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

func open(t testing.TB, a amazon.Account, endpoint string) *SES {
	t.Helper()
	out, err := OpenSES(t.Context(), a, endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}

func TestSendEmail(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*SES, *mail.Message)
		want   string
	}{
		{
			name: "documented", change: func(*SES, *mail.Message) {},
			want: `{"FromEmailAddress":"router@example.jp","Destination":{"ToAddresses":["ops@example.jp"]},"Content":{"Simple":{"Subject":{"Data":"Measurement finished","Charset":"UTF-8"},"Body":{"Text":{"Data":"Average: 99.506109\nUnbiased Variance: 243.961858\n","Charset":"UTF-8"}}}},"EmailTags":[{"Name":"rule","Value":"stats"}]}`,
		},
		{
			name: "everything", change: func(s *SES, m *mail.Message) {
				s.configurationSet = "set-1"
				m.From.Name, m.Rule, m.Subject, m.Text = "計測", "a b.ü", "計測\r\n完了", "\xff計"
				m.To = append(m.To, &netmail.Address{Name: `O"ps`, Address: "lab@example.jp"}, &netmail.Address{Address: "a@b>@example.jp"})
			},
			want: `{"FromEmailAddress":"=?utf-8?q?=E8=A8=88=E6=B8=AC?= <router@example.jp>","Destination":{"ToAddresses":["ops@example.jp","\"O\\\"ps\" <lab@example.jp>","\"a@b>\"@example.jp"]},"Content":{"Simple":{"Subject":{"Data":"計測 完了","Charset":"UTF-8"},"Body":{"Text":{"Data":"\ufffd計","Charset":"UTF-8"}}}},"EmailTags":[{"Name":"rule","Value":"a_b__"}],"ConfigurationSetName":"set-1"}`,
		},
		{
			name: "no rule", change: func(_ *SES, m *mail.Message) { m.Rule = "" },
			want: `{"FromEmailAddress":"router@example.jp","Destination":{"ToAddresses":["ops@example.jp"]},"Content":{"Simple":{"Subject":{"Data":"Measurement finished","Charset":"UTF-8"},"Body":{"Text":{"Data":"Average: 99.506109\nUnbiased Variance: 243.961858\n","Charset":"UTF-8"}}}}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := amazontest.NewSES(t)
			out, m := open(t, withKeys(), server.URL), message()
			c.change(out, m)
			if id, err := out.Send(t.Context(), m); err != nil || id != amazontest.MessageID+"b" {
				t.Fatalf("%q, %v", id, err)
			}
			if diff := cmp.Diff(decoded(t, c.want), decoded(t, string(server.Taken()[0].Body))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// decoded returns parsed JSON, because the SDK orders members differently.
func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTagValue(t *testing.T) {
	for rule, want := range map[string]string{"stats-1": "stats-1", "A_z": "A_z", "a.b@c d": "a_b_c_d", "計x": "_x", strings.Repeat("r", 300): strings.Repeat("r", 255)} {
		if got := tagValue(rule); got != want {
			t.Errorf("%q: %q", rule, got)
		}
	}
}

func TestSESErrors(t *testing.T) {
	const slow, day = "backs off", "waits"
	for _, c := range []struct {
		status        int
		code, message string
		permanent     bool
		wait          string
	}{
		{429, "TooManyRequestsException", "Too many requests have been made to the operation.", false, slow},
		{400, "ThrottlingException", "Maximum sending rate exceeded.", false, slow},
		{400, "Throttling", "Maximum sending rate exceeded.", false, slow},
		{429, "TooManyRequestsException", "Daily message quota exceeded.", false, day},
		{400, "ThrottlingException", "Daily message quota exceeded.", false, day},
		{400, "LimitExceededException", "Daily sending quota exceeded.", false, day},
		{400, "LimitExceededException", "There are too many instances of the specified resource type.", false, slow},
		{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region EU-WEST-1: ops@example.jp", true, ""},
		{400, "AccountSuspendedException", "The account is suspended.", true, ""},
		{400, "SendingPausedException", "The account's sending is paused.", true, ""},
		{400, "MailFromDomainNotVerifiedException", "The domain is not verified.", true, ""},
		{400, "BadRequestException", "Missing final '@domain'", true, ""},
		{404, "NotFoundException", "Configuration set <x> does not exist.", true, ""},
		{403, "AccessDeniedException", "User is not authorized to perform ses:SendEmail", true, ""},
		{403, "UnrecognizedClientException", "The security token included in the request is invalid.", true, ""},
		{403, "ExpiredTokenException", "The security token included in the request is expired", false, ""},
		{500, "InternalServiceErrorException", "The request couldn't be processed.", false, ""},
		{503, "ServiceUnavailable", "Service is unable to handle request.", false, ""},
	} {
		t.Run(c.code, func(t *testing.T) {
			server := amazontest.NewSES(t)
			out, m := open(t, withKeys(), server.URL), message()
			for m.Attempt = 1; m.Attempt <= 3; m.Attempt++ {
				server.Fail(amazontest.Fault{Status: c.status, Code: c.code, Message: c.message})
				_, err := out.Send(t.Context(), m)
				e := checkRefusal(t, err, c.permanent, "SES: "+c.code+": "+strings.TrimSuffix(c.message, "."))
				var least, most time.Duration
				switch c.wait {
				case slow:
					least = time.Second << (m.Attempt - 1)
					most = 2 * least
				case day:
					least, most = 10*time.Minute, 10*time.Minute
				}
				if e.Status != c.status || e.RetryAfter < least || e.RetryAfter > most {
					t.Errorf("attempt %d: got %+v", m.Attempt, e)
				}
			}
		})
	}
}

// Wrong keys are a permanent error, which does not show them.
func TestWrongKeys(t *testing.T) {
	server := amazontest.NewSES(t)
	wrong := withKeys()
	wrong.SecretKey = schema.NewSecret(amazontest.AccessKey)
	_, err := open(t, wrong, server.URL).Send(t.Context(), message())
	checkRefusal(t, err, true, "InvalidSignatureException")
	wrong.AccessKey = amazontest.SecretKey
	_, err = open(t, wrong, server.URL).Send(t.Context(), message())
	checkRefusal(t, err, true, "UnrecognizedClientException")
	if strings.Contains(strings.ToLower(err.Error()), "canary") {
		t.Errorf("shown: %v", err)
	}
}

func TestLostAnswerOfSES(t *testing.T) {
	server := amazontest.NewSES(t)
	server.Fail(amazontest.Fault{Cut: true})
	_, err := open(t, withKeys(), server.URL).Send(t.Context(), message())
	var refusal *amazon.Error
	if err == nil || errors.As(err, &refusal) || len(server.Taken()) != 1 {
		t.Errorf("%d taken, %v", len(server.Taken()), err)
	}
}
