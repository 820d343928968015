package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pointsman/pointsman/core/source/s3"
	"github.com/pointsman/pointsman/core/source/s3/s3send"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// s3Flags describe the notification to send.
type s3Flags struct {
	sendFlags
	message         s3send.Message
	dialect         string
	handshake, test bool
	token           string
	publicURL       string
	topic, certs    string
}

func newSendS3(s streams) *cobra.Command {
	var f s3Flags
	cmd := &cobra.Command{
		Use:   "s3",
		Short: "Send an S3 event notification",
		Long: `Post a notification as an object store does: byte by byte as that store writes it.

Without --url the path and the token are those of the s3 source in the configuration, and the router is expected where
that configuration listens: a rule can be tried without any object store. No object is made anywhere; a plugin that
reads the object finds what really is there.

Dialects, and what each shows the router to prove itself:
  minio        MinIO: the token in the header Authorization
  aws          S3 of AWS, its records forwarded by a program of yours: the token in the header Authorization
  sns          S3 of AWS over SNS: signed with a key made for this one message
  eventbridge  S3 of AWS over EventBridge: the token in the header Authorization
  ceph, versitygw, vk
               Ceph, versitygw, VK Cloud: the token at the end of the path, for they can be told nothing but a URL

A signature of SNS is checked with a certificate that the router fetches. Here it is served at --cert-listen while the
command runs, so the source must trust that address while you try it; the real SNS needs no such line:
  sns {
    topics              = ["arn:aws:sns:ap-northeast-1:123456789012:uploads"]
    insecure_cert_hosts = ["127.0.0.1:8099"]
  }`,
		Example: `  pointsman send s3                                        # MinIO: an object was uploaded
  pointsman send s3 --event removed --bucket main --key 'photos/my cat.jpg'
  pointsman send s3 --dialect aws --count 3                # three records in one body
  pointsman send s3 --dialect vk --handshake               # VK's question; is the answer signed as VK wants it?
  pointsman send s3 --dialect sns --handshake              # SNS's question; does the router confirm?
  pointsman send s3 --url https://router.example.com/hooks/uploads   # the token in POINTSMAN_TOKEN
  pointsman send s3 --dialect ceph --body event.json       # these bytes, as Ceph would post them`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dialect, "dialect", "", "whose notification: "+strings.Join(s3send.Dialects(), ", ")+" (default: the source's, or minio)")
	flags.StringVar(&f.message.Event, "event", "created", "what happened: "+strings.Join(s3send.Events(), ", ")+", or a name as the store writes it")
	flags.StringVar(&f.message.Bucket, "bucket", "", "bucket (default: the first that the source allows, or uploads)")
	flags.StringVar(&f.message.Key, "key", "photos/cat.jpg", "key of the object, as a client names it")
	flags.Int64Var(&f.message.Size, "size", 1024, "size of the object in bytes")
	flags.StringVar(&f.message.ETag, "etag", "", "entity tag of the object (default: a random one)")
	flags.StringVar(&f.message.VersionID, "version-id", "", "version of the object, in a bucket that keeps versions")
	flags.StringVar(&f.message.Sequencer, "sequencer", "", "what orders the events of a key (default: made of the time, as the store does)")
	flags.IntVar(&f.message.Records, "count", 1, "records in the body, each about a key of its own: aws, ceph, sns, vk")
	flags.BoolVar(&f.handshake, "handshake", false, "send what the store asks before it sends events: vk, sns")
	flags.BoolVar(&f.test, "test-event", false, "send what the store sends to see whether anybody listens: aws, sns, versitygw")
	flags.StringVar(&f.token, "token", "", "token to show; better in the environment: "+envPrefix+"TOKEN (default: the source's)")
	flags.StringVar(&f.publicURL, "public-url", "", "URL registered with VK, for its --handshake (default: the source's public_url)")
	flags.StringVar(&f.topic, "topic", "", "ARN of the SNS topic (default: one that the source allows)")
	flags.StringVar(&f.certs, "cert-listen", "127.0.0.1:8099", "where the certificate of an SNS signature is served meanwhile")
	f.register(flags, s3.Name, "token")
	return cmd
}

// s3Refusals say what the router's answers mean to an object store.
var s3Refusals = map[int]string{
	http.StatusUnauthorized: "it does not know this token: it must be one of the source's `tokens`",
	http.StatusForbidden:    "the source takes no events of this bucket: it must be in the source's `buckets`",
	http.StatusNotFound:     "no source is mounted at that path, or the token at the end of the path is none of the source's `tokens`",
}

// s3Target is where to post to and what the source there expects.
type s3Target struct {
	url, shown       string // shown is url without a secret that it may hold
	token, publicURL schema.Secret
	dialect          string
	bucket, topic    string
	refusals         map[int]string
}

func (f *s3Flags) run(ctx context.Context, s streams) error {
	target, err := f.target(ctx, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	switch {
	case target.dialect == "sns":
		return f.sendSNS(ctx, s, target)
	case f.handshake && target.dialect == "vk":
		return f.confirm(ctx, s, target)
	case f.handshake:
		return usageError(fmt.Errorf("--handshake: stores of dialect %s ask nothing before they send events; vk and sns do", target.dialect))
	}
	body, err := f.bytes(s.in, func() ([]byte, error) { return f.compose(target) })
	if err != nil {
		return usageError(err)
	}
	return f.send(ctx, s, target, body, nil)
}

// confirm asks VK's question, and judges the answer as VK would.
func (f *s3Flags) confirm(ctx context.Context, s streams, target s3Target) error {
	if target.publicURL.IsZero() {
		return usageError(errors.New("--handshake: VK's question is about the URL registered with it: set public_url in the source, or --public-url"))
	}
	if f.url == "" {
		if err := target.asRegistered(); err != nil {
			return usageError(err)
		}
	}
	question := s3send.NewConfirmation(time.Now(), target.bucket)
	body, err := question.Body()
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, func(answer []byte) (string, error) {
		if err := question.Check(answer, target.publicURL.Reveal()); err != nil {
			return "", err
		}
		return "The answer is signed as VK wants it.", nil
	})
}

// asRegistered makes path and query those of the public URL, in which VK has the token.
func (t *s3Target) asRegistered() error {
	to, err := url.Parse(t.url)
	if err != nil {
		return err
	}
	registered, err := url.Parse(t.publicURL.Reveal())
	if err != nil {
		return errors.New("the public URL is not one") // err would show it
	}
	to.Path, to.RawPath, to.RawQuery = registered.Path, registered.RawPath, registered.RawQuery
	t.url, t.token = to.String(), schema.Secret{}
	return nil
}

// send posts one body.
func (f *s3Flags) send(ctx context.Context, s streams, target s3Target, body []byte, judge func([]byte) (string, error)) error {
	req, err := s3send.NewRequest(ctx, target.dialect, target.url, target.token, body)
	if err != nil {
		return usageError(err)
	}
	return f.post(s, posting{request: req, shown: target.shown, body: body, refusals: target.refusals, judge: judge})
}

// compose makes the notification that the flags describe.
func (f *s3Flags) compose(target s3Target) ([]byte, error) {
	m, err := s3send.NewMessage(time.Now(), target.dialect)
	if err != nil {
		return nil, err
	}
	given := &f.message
	m.Event, m.Bucket, m.Key, m.Size = given.Event, target.bucket, given.Key, given.Size
	m.VersionID, m.Sequencer, m.Records = given.VersionID, given.Sequencer, given.Records
	if given.ETag != "" {
		m.ETag = given.ETag
	}
	if f.test {
		m.Event = s3send.TestEvent
	}
	return m.Body()
}

// target joins what the flags say with what the configuration says.
func (f *s3Flags) target(ctx context.Context, s streams) (s3Target, error) {
	t := s3Target{
		url: f.url, shown: f.url, refusals: s3Refusals, token: schema.NewSecret(f.token), publicURL: schema.NewSecret(f.publicURL),
		dialect: f.dialect, bucket: f.message.Bucket, topic: f.topic,
	}
	if f.url != "" {
		if err := f.checkURL("http://127.0.0.1:8080/hooks/uploads"); err != nil {
			return t, err
		}
	} else if err := f.configured(ctx, s, &t); err != nil {
		return t, err
	}
	t.dialect, t.bucket = cmp.Or(t.dialect, "minio"), cmp.Or(t.bucket, "uploads")
	t.topic = cmp.Or(t.topic, usualTopic)
	if !slices.Contains(s3send.Dialects(), t.dialect) {
		return t, usageError(fmt.Errorf("--dialect %q: want one of %s", t.dialect, strings.Join(s3send.Dialects(), ", ")))
	}
	return t, nil
}

// configured fills in what the flags left open from the configuration.
func (f *s3Flags) configured(ctx context.Context, s streams, t *s3Target) error {
	found, err := f.find(ctx, s, s3.Name)
	if err != nil {
		return err
	}
	var settings s3.Settings
	if err := schema.Decode(nil, found.Settings, &settings); err != nil {
		return fmt.Errorf("source %q: %w", found.Name, err)
	}
	t.url, t.shown = found.URL, found.URL
	if i := slices.IndexFunc(settings.Tokens, func(token schema.Secret) bool { return !token.IsZero() }); i >= 0 && t.token.IsZero() {
		t.token = settings.Tokens[i]
	}
	if t.publicURL.IsZero() {
		t.publicURL = settings.PublicURL
	}
	if settings.Dialect != "auto" {
		t.dialect = cmp.Or(t.dialect, settings.Dialect)
	}
	if len(settings.Buckets) > 0 {
		t.bucket = cmp.Or(t.bucket, strings.ReplaceAll(settings.Buckets[0], "*", "test"))
	}
	if settings.SNS != nil && len(settings.SNS.Topics) > 0 {
		t.topic = cmp.Or(t.topic, topicOf(settings.SNS.Topics[0]))
	}
	return nil
}

// topicOf is the ARN of a topic that the pattern allows.
func topicOf(pattern string) string {
	parts := strings.Split(pattern, ":")
	for i, usual := range strings.Split(usualTopic, ":") {
		if i < len(parts) && parts[i] == "*" {
			parts[i] = usual
		}
	}
	return strings.ReplaceAll(strings.Join(parts, ":"), "*", "test")
}

const usualTopic = "arn:aws:sns:ap-northeast-1:123456789012:uploads"
