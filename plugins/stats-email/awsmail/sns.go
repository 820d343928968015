package awsmail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

const (
	// maxMessage is the most bytes that a topic accepts unless its owner allows more.
	maxMessage = 256 << 10
	// maxSubject in characters.
	maxSubject = 99
	// plainSubject replaces a subject that cannot be sent.
	plainSubject = "Measurement statistics"
)

// Topic is an SNS topic. Its subscribers get the mails, whatever a message has in To. It is safe for concurrent use.
type Topic struct {
	*amazon.Client
	arn          string
	asciiSubject bool
	sns          *sns.Client
}

// TopicRegion returns the region in a topic's ARN. It refuses partitions that are unknown or not those of the region.
func TopicRegion(topic string) (string, error) {
	a, err := arn.Parse(topic)
	if err != nil || a.Service != "sns" || a.Region == "" || a.AccountID == "" || a.Resource == "" || strings.Contains(a.Resource, ":") {
		return "", errors.New(`want the ARN of a topic, "arn:aws:sns:<region>:<account>:<name>"`)
	}
	if err := partition.Check(a.Partition); err != nil {
		return "", err
	}
	if of := partition.OfRegion(a.Region); of != "" && of != a.Partition {
		return "", fmt.Errorf("region %q is in partition %q, not in %q", a.Region, of, a.Partition)
	}
	return a.Region, nil
}

// OpenTopic makes a client of the topic. It makes no request. An empty endpoint is that of the region. asciiSubject replaces
// subjects that are not all ASCII.
func OpenTopic(ctx context.Context, a amazon.Account, endpoint, topic string, asciiSubject bool) (*Topic, error) {
	c, err := a.Open(ctx, maxResponse, maxIdle)
	if err != nil {
		return nil, err
	}
	client := sns.NewFromConfig(c.Config, func(o *sns.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	return &Topic{Client: c, arn: topic, asciiSubject: asciiSubject, sns: client}, nil
}

// Send publishes the message and returns the id that SNS gave it. The error is an *amazon.Error if SNS refused. After any other
// error the message may have been published; only a FIFO topic recognises a repetition, for 5 minutes.
func (t *Topic) Send(ctx context.Context, m *mail.Message) (id string, err error) {
	call := "SNS topic " + t.arn
	in := t.input(m)
	if n := len(*in.Message); n > maxMessage {
		return "", &amazon.Error{Permanent: true, Message: fmt.Sprintf("%s: the text has %d bytes; SNS accepts at most %d", call, n, maxMessage)}
	}
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	out, err := t.sns.Publish(ctx, in)
	switch {
	case err != nil:
		return "", amazon.Explain(ctx, call, err, t.explain)
	case aws.ToString(out.MessageId) == "":
		return "", noMessageID(call)
	}
	return *out.MessageId, nil
}

// noMessageID is the error for a response without the id that proves that the mail was accepted.
func noMessageID(call string) error {
	return fmt.Errorf("%s: the response has no MessageId: is something else at the endpoint?", call)
}

func (t *Topic) input(m *mail.Message) *sns.PublishInput {
	in := &sns.PublishInput{TopicArn: &t.arn, Message: aws.String(strings.ToValidUTF8(m.Text, "\uFFFD"))}
	if s := subject(m.Subject, t.asciiSubject); s != "" { // without one, SNS writes its own
		in.Subject = &s
	}
	if strings.HasSuffix(t.arn, ".fifo") {
		in.MessageGroupId = aws.String(group(m.Rule))
		in.MessageDeduplicationId = aws.String(m.Name())
	}
	return in
}

// subject returns a text that SNS accepts as a subject.
func subject(s string, ascii bool) string {
	s = mail.OneLine(s)
	if ascii && strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return plainSubject
	}
	if runes := []rune(s); len(runes) > maxSubject {
		s = strings.TrimSpace(string(runes[:maxSubject]))
	}
	return s
}

// unfit matches what the name of a group cannot hold.
var unfit = regexp.MustCompile(`[^!-~]`)

func group(rule string) string {
	const most = 128
	if rule == "" {
		return "pointsman"
	}
	name := unfit.ReplaceAllString(rule, "-")
	return name[:min(len(name), most)]
}

// explain adds what to do about a refusal.
func (t *Topic) explain(e *amazon.Error) {
	switch {
	case e.Code == "InvalidParameter" && strings.Contains(e.Message, "Subject") && !t.asciiSubject:
		e.Hint = "set ascii_subject = true for a region with the older rule for subjects"
	case e.Code == "AuthorizationError":
		e.Hint = "the credentials must be allowed sns:Publish on the topic"
	}
}
