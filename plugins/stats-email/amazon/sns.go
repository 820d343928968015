package amazon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

const (
	// maxMessage is what a topic takes unless its owner allows more.
	maxMessage = 256 << 10
	// maxSubject in characters.
	maxSubject = 99
	// plainSubject stands in for a subject that cannot be sent as it is.
	plainSubject = "Measurement statistics"
)

// Topic is an SNS topic. Its subscribers get the mails, whatever a message says in To. It is safe for concurrent use.
type Topic struct {
	arn          string
	asciiSubject bool
	client       *sns.Client
	transport    *http.Transport
}

// TopicRegion returns the region of a topic's ARN, which SNS takes it from too.
func TopicRegion(topic string) (string, error) {
	a, err := arn.Parse(topic)
	if err != nil || a.Service != "sns" || a.Region == "" || a.AccountID == "" || a.Resource == "" || strings.Contains(a.Resource, ":") {
		return "", errors.New(`want the ARN of a topic, "arn:aws:sns:<region>:<account>:<name>"`)
	}
	return a.Region, nil
}

// OpenTopic makes a client of the topic. It calls nobody. asciiSubject replaces subjects that are not all ASCII.
func OpenTopic(ctx context.Context, a Account, topic string, asciiSubject bool) (*Topic, error) {
	cfg, transport, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	client := sns.NewFromConfig(cfg, func(o *sns.Options) {
		if e := a.endpoint(); e != nil {
			o.BaseEndpoint = e
		}
	})
	return &Topic{arn: topic, asciiSubject: asciiSubject, client: client, transport: transport}, nil
}

// Close drops idle connections.
func (t *Topic) Close() error {
	t.transport.CloseIdleConnections()
	return nil
}

// Send publishes the message and returns the id that SNS gave it. *mail.Error: SNS said no. Any other error: it is not known,
// or it was not even tried. Only a FIFO topic recognises a repetition, for 5 minutes.
func (t *Topic) Send(ctx context.Context, m *mail.Message) (id string, err error) {
	what := "SNS topic " + t.arn
	in := t.input(m)
	if n := len(*in.Message); n > maxMessage {
		return "", &mail.Error{Permanent: true, Message: fmt.Sprintf("%s: the text has %d bytes; SNS takes at most %d", what, n, maxMessage)}
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	out, err := t.client.Publish(ctx, in)
	switch {
	case err != nil:
		return "", explain(ctx, what, err, t.hint)
	case aws.ToString(out.MessageId) == "":
		return "", unproven(what)
	}
	return *out.MessageId, nil
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

// subject is a text as SNS takes it for a subject.
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

// unfit is what cannot stand in the name of a group.
var unfit = regexp.MustCompile(`[^!-~]`)

func group(rule string) string {
	const most = 128
	if rule == "" {
		return "pointsman"
	}
	name := unfit.ReplaceAllString(rule, "-")
	return name[:min(len(name), most)]
}

func (t *Topic) hint(code, message string) string {
	switch {
	case code == "InvalidParameter" && strings.Contains(message, "Subject") && !t.asciiSubject:
		return "; set ascii_subject = true for a region with the older rule for subjects"
	case code == "AuthorizationError":
		return "; the credentials must be allowed sns:Publish on the topic"
	}
	return ""
}
