package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/source/sns"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// snsFlags describe the message to send.
type snsFlags struct {
	sendFlags
	message                snsmessage.Message
	attributes             []string
	handshake, unsubscribe bool
	version                string
	raw                    bool
	token, certs           string
}

func newSendSNS(s streams) *cobra.Command {
	var f snsFlags
	cmd := &cobra.Command{
		Use:   "sns",
		Short: "Send a message of an Amazon SNS topic",
		Long: `Sign and post a message as Amazon SNS does, with a key that is generated for this message.

Without --url, address and path are taken from the configuration. You need no AWS account to try a rule.

The router fetches the certificate of a signature. This command serves it at --cert-listen while it runs, so the source must
trust that address while you try it; the real SNS needs no such line:
  source "sns" "alarms" {
    topics              = ["arn:aws:sns:ap-northeast-1:123456789012:alarms"]
    insecure_cert_hosts = ["127.0.0.1:8099"]
  }`,
		Example: `  pointsman send sns --subject 'Disk full' --message 'on host a'
  echo '{"state": "ALARM"}' | pointsman send sns --message - --attribute team=ops
  pointsman send sns --handshake                           # a confirmation request; does the router confirm?
  pointsman send sns --unsubscribe                         # the subscription was cancelled
  pointsman send sns --raw                                 # raw message delivery: no signature, a token instead
  pointsman send sns --url https://router.example.com/hooks/alarms --cert-listen 192.0.2.7:8099
  pointsman send sns --body recorded.json                  # these bytes, with the headers that SNS adds`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.message.TopicARN, "topic", "", "ARN of the topic (default: one that the source allows)")
	flags.StringVar(&f.message.Subject, "subject", "", "subject of the message")
	flags.StringVar(&f.message.Message, "message", "test message", "text of the message, - for standard input")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "message attribute as name=value; may be repeated")
	flags.StringVar(&f.message.MessageID, "message-id", "", "id of the message (default: random); use one twice to see a duplicate detected")
	flags.BoolVar(&f.handshake, "handshake", false, "send the confirmation request, which SNS sends first")
	flags.BoolVar(&f.unsubscribe, "unsubscribe", false, "send the message that a subscription was cancelled")
	flags.StringVar(&f.version, "signature-version", "2", "1 (SHA-1, the default of a topic) or 2 (SHA-256)")
	flags.BoolVar(&f.raw, "raw", false, "raw message delivery: send only the text, unsigned")
	flags.StringVar(&f.token, "token", "", "token for --raw; better in the environment: "+envPrefix+"TOKEN (default: the source's)")
	flags.StringVar(&f.certs, "cert-listen", "127.0.0.1:8099", "address at which to serve the certificate of the signature")
	f.register(cmd, sns.Name, "topic")
	return cmd
}

// snsTarget is the URL to post to and what is known about the source there.
type snsTarget struct {
	url, topic string
	token      schema.Secret
	settings   *sns.Settings // nil with --url
}

func (f *snsFlags) run(ctx context.Context, s streams) error {
	if f.version != "1" && f.version != "2" {
		return usageError(fmt.Errorf("--signature-version %q: want 1 or 2", f.version))
	}
	if f.handshake && f.unsubscribe || f.raw && (f.handshake || f.unsubscribe) {
		return usageError(errors.New("--handshake, --unsubscribe and --raw: one at a time"))
	}
	target, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	if err := f.compose(s.in, target); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if f.raw {
		return f.sendRaw(ctx, s, target)
	}
	topic, err := listenTopic(ctx, target.topic, f.certs, f.timeout)
	if err != nil {
		return err
	}
	return errors.Join(f.send(ctx, s, target, topic), topic.Close())
}

// compose sets the fields of the message that the topic does not fill in.
func (f *snsFlags) compose(stdin io.Reader, target snsTarget) error {
	f.message.TopicARN = target.topic
	for _, a := range f.attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return usageError(fmt.Errorf("--attribute %q: want name=value", a))
		}
		f.message.Attributes = append(f.message.Attributes, snsmessage.Attribute{Name: name, Type: "String", Value: value})
	}
	if f.message.Message == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return err
		}
		f.message.Message = string(text)
	}
	f.message.Type = snsmessage.Notification
	switch {
	case f.handshake:
		f.message.Type = snsmessage.SubscriptionConfirmation
	case f.unsubscribe:
		f.message.Type = snsmessage.UnsubscribeConfirmation
	}
	if f.message.Type != snsmessage.Notification {
		f.message.Message, f.message.Subject, f.message.Attributes = "", "", nil // SNS sends its own text
	}
	return nil
}

// send posts the message, signed by the topic.
func (f *snsFlags) send(ctx context.Context, s streams, target snsTarget, topic *openTopic) error {
	body, err := f.bytes(s.in, func() ([]byte, error) { return topic.Body(time.Now(), f.version, f.message) })
	if err != nil {
		return usageError(err)
	}
	req, err := snssend.NewRequest(ctx, target.url, body)
	if err != nil {
		return usageError(err)
	}
	p := posting{request: req, shown: target.url, body: body, refusals: f.refusals(target, topic.at)}
	switch {
	case f.handshake:
		p.judge = topic.confirmation
	case f.unsubscribe:
		p.judge = topic.ended
	}
	return f.post(s, p)
}

// ended checks what the router did after the message that its subscription was cancelled.
func (t *openTopic) ended([]byte) (verdict string, err error) {
	if t.Confirmed() {
		return "", errors.New("the router has subscribed again, so its subscription could never be cancelled")
	}
	return "The router has not subscribed again.", nil
}

// sendRaw posts only the text.
func (f *snsFlags) sendRaw(ctx context.Context, s streams, target snsTarget) error {
	text, err := f.bytes(s.in, func() ([]byte, error) { return []byte(f.message.Message), nil })
	if err != nil {
		return usageError(err)
	}
	f.message.Message = string(text)
	if f.message.MessageID == "" {
		f.message.MessageID = strings.ToLower(rand.Text())
	}
	req, err := snssend.NewRawRequest(ctx, target.url, &f.message, target.token)
	if err != nil {
		return usageError(err)
	}
	return f.post(s, posting{request: req, shown: target.url, body: text, refusals: rawRefusals(target.topic)})
}

// target combines the flags with the configuration.
func (f *snsFlags) target(ctx context.Context, s streams) (snsTarget, error) {
	t := snsTarget{url: f.url, topic: cmp.Or(f.message.TopicARN, defaultTopic), token: schema.NewSecret(f.token)}
	if f.url != "" {
		return t, f.checkURL("http://127.0.0.1:8080/hooks/alarms")
	}
	t.settings = &sns.Settings{}
	found, err := f.find(ctx, s, sns.Name, t.settings)
	if err != nil {
		return t, err
	}
	t.url = found.URL
	if len(t.settings.Topics) > 0 {
		t.topic = cmp.Or(f.message.TopicARN, topicOf(t.settings.Topics[0]))
	}
	if t.settings.Raw != nil && t.token.IsZero() {
		t.token = firstSecret(t.settings.Raw.Tokens)
	}
	return t, nil
}

// refusals explain statuses to SNS.
func (f *snsFlags) refusals(target snsTarget, certs string) map[int]string {
	return map[int]string{
		http.StatusForbidden:          f.advice(target, certs),
		http.StatusServiceUnavailable: fmt.Sprintf("the router could not fetch the certificate from http://%s: it must be able to reach this machine there", certs),
	}
}

// advice returns the settings that the source needs to accept the message. If they are known, it returns only missing ones.
func (f *snsFlags) advice(target snsTarget, certs string) string {
	var lines []string
	want := func(missing bool, line string) {
		if missing || target.settings == nil {
			lines = append(lines, "  "+line)
		}
	}
	s := cmp.Or(target.settings, &sns.Settings{})
	want(!allows(s, target.topic), fmt.Sprintf("topics = [%q]", target.topic))
	want(!slices.Contains(s.InsecureCertHosts, certs), fmt.Sprintf("insecure_cert_hosts = [%q]   # only while you try it", certs))
	if f.version == "1" {
		want(s.RequireSignatureVersion > 1, "require_signature_version = 1")
	}
	if len(lines) == 0 {
		return fmt.Sprintf("the router does not accept this message, but the source in %s would: the router runs with another configuration, or the message is too old or was changed", f.config)
	}
	return "the source does not accept this message. It needs\n" + strings.Join(lines, "\n")
}

// allows reports whether a source accepts messages of a topic.
func allows(s *sns.Settings, topic string) bool {
	v, err := snsmessage.NewVerifier(snsmessage.Policy{Topics: s.Topics}, snsmessage.Options{})
	return err == nil && v.Allows(topic) == nil
}

// rawRefusals explain statuses of raw deliveries to SNS.
func rawRefusals(topic string) map[int]string {
	return map[int]string{
		http.StatusUnauthorized: "the source does not accept this token: use one of the `tokens` in its block `raw`",
		http.StatusForbidden: fmt.Sprintf("the source does not accept this message. It needs\n  topics = [%q]\n  raw {\n    tokens = [env(\"SNS_TOKEN\")]\n  }\n"+
			"and the request must contain one of these tokens", topic),
	}
}
