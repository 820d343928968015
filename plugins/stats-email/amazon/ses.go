package amazon

import (
	"context"
	"errors"
	"net/http"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

// MaxRecipients is how many addresses SES takes for one mail.
const MaxRecipients = 50

// quotaWait is how long to leave SES alone when the mails of a day are used up.
const quotaWait = 10 * time.Minute

// SES sends by Amazon SES in one region. It is safe for concurrent use.
type SES struct {
	configurationSet string
	client           *sesv2.Client
	transport        *http.Transport
}

// OpenSES makes a client. It calls nobody. An empty configurationSet is the sender's default one.
func OpenSES(ctx context.Context, a Account, configurationSet string) (*SES, error) {
	cfg, transport, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	client := sesv2.NewFromConfig(cfg, func(o *sesv2.Options) {
		if e := a.endpoint(); e != nil {
			o.BaseEndpoint = e
		}
	})
	return &SES{configurationSet: configurationSet, client: client, transport: transport}, nil
}

// Close drops idle connections.
func (s *SES) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Send hands the message over for all its recipients, at most MaxRecipients, and returns the id that SES gave it. *mail.Error:
// SES said no. Any other error: it is not known, or it was not even tried. SES does not recognise a repetition.
func (s *SES) Send(ctx context.Context, m *mail.Message) (id string, err error) {
	const what = "SES"
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	out, err := s.client.SendEmail(ctx, s.input(m))
	switch {
	case err != nil:
		return "", slowDown(err, explain(ctx, what, err, hintSES), m.Attempt)
	case aws.ToString(out.MessageId) == "":
		return "", unproven(what)
	}
	return *out.MessageId, nil
}

func (s *SES) input(m *mail.Message) *sesv2.SendEmailInput {
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(address(m.From)),
		Destination:      &types.Destination{},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: utf8(mail.HeaderText(m.Subject)),
			Body:    &types.Body{Text: utf8(strings.ToValidUTF8(m.Text, "\uFFFD"))},
		}},
	}
	for _, a := range m.To {
		in.Destination.ToAddresses = append(in.Destination.ToAddresses, address(a))
	}
	if m.Rule != "" {
		in.EmailTags = []types.MessageTag{{Name: aws.String("rule"), Value: aws.String(tagValue(m.Rule))}}
	}
	if s.configurationSet != "" {
		in.ConfigurationSetName = &s.configurationSet
	}
	return in
}

func utf8(text string) *types.Content {
	return &types.Content{Data: &text, Charset: aws.String("UTF-8")}
}

// address is ASCII: SES wants display names encoded (RFC 2047).
func address(a *netmail.Address) string {
	if a.Name == "" {
		return a.Address
	}
	return a.String()
}

// unfitForTag is what SES refuses in the value of a tag.
var unfitForTag = regexp.MustCompile(`[^A-Za-z0-9_-]`)

func tagValue(s string) string {
	const most = 255
	s = unfitForTag.ReplaceAllString(s, "_")
	return s[:min(len(s), most)]
}

// slowDown adds how long to wait to a refusal that says "too much". SES itself never says how long.
func slowDown(err, refusal error, attempt int) error {
	var api smithy.APIError
	var e *mail.Error
	if !errors.As(err, &api) || !errors.As(refusal, &e) || e.Permanent {
		return refusal
	}
	_, throttled := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	text := strings.ToLower(api.ErrorMessage())
	switch {
	case !throttled && e.Code != http.StatusTooManyRequests:
	case strings.Contains(text, "daily") && strings.Contains(text, "quota"):
		e.RetryAfter = quotaWait
	default:
		e.RetryAfter = backoff(attempt)
	}
	return e
}

func hintSES(code, _ string) string {
	if code == "AccessDeniedException" || code == "AccessDenied" {
		return "; the credentials must be allowed ses:SendEmail"
	}
	return ""
}
