// Package awsmail sends a mail through AWS: to the subscribers of an SNS topic, or by Amazon SES.
package awsmail

import (
	"context"
	"math/rand/v2"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

const (
	// MaxRecipients is the most addresses that SES accepts for one mail.
	MaxRecipients = 50
	// maxResponse bounds a response of SES or SNS, which has some hundred bytes.
	maxResponse = 1 << 20
	// maxIdle is the number of idle connections that are kept.
	maxIdle = 10
	// quotaWait is how long to leave SES alone when the quota of a day is used up.
	quotaWait = 10 * time.Minute
	// maxBackoff is the longest wait after too many calls.
	maxBackoff = 10 * time.Minute
)

// SES sends by Amazon SES in one region. It is safe for concurrent use.
type SES struct {
	*amazon.Client
	configurationSet string
	ses              *sesv2.Client
}

// OpenSES makes a client. It makes no request. An empty endpoint is that of the region, an empty configurationSet the default one
// of the sender.
func OpenSES(ctx context.Context, a amazon.Account, endpoint, configurationSet string) (*SES, error) {
	c, err := a.Open(ctx, maxResponse, maxIdle)
	if err != nil {
		return nil, err
	}
	client := sesv2.NewFromConfig(c.Config, func(o *sesv2.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	return &SES{Client: c, configurationSet: configurationSet, ses: client}, nil
}

// Send sends the message to all its recipients, at most MaxRecipients, and returns the id that SES gave it. The error is an
// *amazon.Error if SES refused. After any other error the mail may have been sent; SES does not recognise a repetition.
func (s *SES) Send(ctx context.Context, m *mail.Message) (id string, err error) {
	const call = "SES"
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	out, err := s.ses.SendEmail(ctx, s.input(m))
	switch {
	case err != nil:
		return "", amazon.Explain(ctx, call, err, func(e *amazon.Error) { explainSES(e, m.Attempt) })
	case aws.ToString(out.MessageId) == "":
		return "", noMessageID(call)
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

// address returns ASCII, because SES requires encoded display names (RFC 2047), with quotes where the local part needs them.
func address(a *netmail.Address) string {
	if a.Name == "" {
		return mail.Path(a.Address)
	}
	return a.String()
}

// unfitForTag matches what SES refuses in the value of a tag.
var unfitForTag = regexp.MustCompile(`[^A-Za-z0-9_-]`)

func tagValue(s string) string {
	const most = 255
	s = unfitForTag.ReplaceAllString(s, "_")
	return s[:min(len(s), most)]
}

// explainSES adds what to do about a refusal, and how long to wait after too many calls: SES itself does not say.
func explainSES(e *amazon.Error, attempt int) {
	if e.Code == "AccessDeniedException" || e.Code == "AccessDenied" {
		e.Hint = "the credentials must be allowed ses:SendEmail"
	}
	if e.Throttled && e.RetryAfter == 0 {
		text := strings.ToLower(e.Message)
		e.RetryAfter = backoff(attempt)
		if strings.Contains(text, "daily") && strings.Contains(text, "quota") {
			e.RetryAfter = quotaWait
		}
	}
}

// backoff is between 1 and 2 s after the first attempt, and doubles with each further one.
func backoff(attempt int) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 10), maxBackoff/2)
	return d + rand.N(d)
}
