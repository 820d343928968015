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
		Long: `Post a notification as an object store does, byte by byte as that store writes it.

Without --url, address, path and token are taken from the configuration. You need no object store to try a rule. The
command creates no object; a plugin that reads the object finds what the store really has.

Dialects, and how each authenticates:
  minio        MinIO: token in the header Authorization
  aws          S3 of AWS, records forwarded by a program of yours: token in the header Authorization
  sns          S3 of AWS through SNS: signed with a key that is generated for this message
  eventbridge  S3 of AWS through EventBridge: token in the header Authorization
  ceph, versitygw, vk
               Ceph, versitygw, VK Cloud: token at the end of the path, because only a URL can be configured there

The router fetches the certificate of an SNS signature. This command serves it at --cert-listen while it runs, so the
source must trust that address while you try it; the real SNS needs no such line:
  sns {
    topics              = ["arn:aws:sns:ap-northeast-1:123456789012:uploads"]
    insecure_cert_hosts = ["127.0.0.1:8099"]
  }`,
		Example: `  pointsman send s3                                        # MinIO: an object was uploaded
  pointsman send s3 --event removed --bucket main --key 'photos/my cat.jpg'
  pointsman send s3 --dialect aws --count 3                # three records in one body
  pointsman send s3 --dialect vk --handshake               # VK's confirmation request; is the response signed correctly?
  pointsman send s3 --dialect sns --handshake              # SNS's confirmation request; does the router confirm?
  pointsman send s3 --url https://router.example.com/hooks/uploads   # the token in POINTSMAN_TOKEN
  pointsman send s3 --dialect ceph --body event.json       # these bytes, posted as Ceph does`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dialect, "dialect", "", "dialect: "+strings.Join(s3send.Dialects(), ", ")+" (default: the source's, or minio)")
	flags.StringVar(&f.message.Event, "event", "created", "event: "+strings.Join(s3send.Events(), ", ")+", or a name as the store spells it")
	flags.StringVar(&f.message.Bucket, "bucket", "", "bucket (default: the first that the source allows, or uploads)")
	flags.StringVar(&f.message.Key, "key", "photos/cat.jpg", "key of the object, not escaped")
	flags.Int64Var(&f.message.Size, "size", 1024, "size of the object in bytes")
	flags.StringVar(&f.message.ETag, "etag", "", "entity tag of the object (default: random)")
	flags.StringVar(&f.message.VersionID, "version-id", "", "version of the object, in a versioned bucket")
	flags.StringVar(&f.message.Sequencer, "sequencer", "", "sequencer, which orders the events of a key (default: derived from the time, as the store does)")
	flags.IntVar(&f.message.Records, "count", 1, "number of records in the body, each with its own key: aws, ceph, sns, vk")
	flags.BoolVar(&f.handshake, "handshake", false, "send the confirmation request that precedes events: vk, sns")
	flags.BoolVar(&f.test, "test-event", false, "send the store's test event: aws, sns, versitygw")
	flags.StringVar(&f.token, "token", "", "token; better in the environment: "+envPrefix+"TOKEN (default: the source's)")
	flags.StringVar(&f.publicURL, "public-url", "", "URL registered with VK, for its --handshake (default: the source's public_url)")
	flags.StringVar(&f.topic, "topic", "", "ARN of the SNS topic (default: one that the source allows)")
	flags.StringVar(&f.certs, "cert-listen", "127.0.0.1:8099", "address at which to serve the certificate of an SNS signature")
	f.register(cmd, s3.Name, "token")
	return cmd
}

// s3Refusals explain statuses to an object store.
var s3Refusals = map[int]string{
	http.StatusUnauthorized: "the source does not accept this token: use one of its `tokens`",
	http.StatusForbidden:    "the source accepts no events of this bucket: add it to its `buckets`",
	http.StatusNotFound:     "no source is mounted at that path, or the token at the end of the path is not one of the source's `tokens`",
}

// s3Target is the URL to post to and what the source there expects.
type s3Target struct {
	url, shown       string // shown is the URL without secrets
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
		return usageError(fmt.Errorf("--handshake: stores of dialect %s send no confirmation request; vk and sns do", target.dialect))
	}
	body, err := f.bytes(s.in, func() ([]byte, error) { return f.compose(target) })
	if err != nil {
		return usageError(err)
	}
	return f.send(ctx, s, target, body, nil)
}

// confirm sends VK's confirmation request and checks the response as VK does.
func (f *s3Flags) confirm(ctx context.Context, s streams, target s3Target) error {
	if target.publicURL.IsZero() {
		return usageError(errors.New("--handshake: VK confirms the URL that is registered with it: set public_url in the source, or --public-url"))
	}
	if f.url == "" {
		if err := target.asRegistered(); err != nil {
			return usageError(err)
		}
	}
	confirmation := s3send.NewConfirmation(time.Now(), target.bucket)
	body, err := confirmation.Body()
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, func(answer []byte) (string, error) {
		if err := confirmation.Check(answer, target.publicURL.Reveal()); err != nil {
			return "", err
		}
		return "The response is signed correctly.", nil
	})
}

// asRegistered sets path and query to those of the public URL, which contains the token.
func (t *s3Target) asRegistered() error {
	to, err := url.Parse(t.url)
	if err != nil {
		return err
	}
	registered, err := url.Parse(t.publicURL.Reveal())
	if err != nil {
		return errors.New("the public URL is not one") // err would contain it
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

// compose returns the notification that the flags describe.
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

// target combines the flags with the configuration.
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
	t.topic = cmp.Or(t.topic, defaultTopic)
	if !slices.Contains(s3send.Dialects(), t.dialect) {
		return t, usageError(fmt.Errorf("--dialect %q: want one of %s", t.dialect, strings.Join(s3send.Dialects(), ", ")))
	}
	return t, nil
}

// configured fills in from the configuration what the flags do not set.
func (f *s3Flags) configured(ctx context.Context, s streams, t *s3Target) error {
	var settings s3.Settings
	found, err := f.find(ctx, s, s3.Name, &settings)
	if err != nil {
		return err
	}
	t.url, t.shown = found.URL, found.URL
	if t.token.IsZero() {
		t.token = firstSecret(settings.Tokens)
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

// topicOf returns the ARN of a topic that the pattern allows.
func topicOf(pattern string) string {
	parts := strings.Split(pattern, ":")
	for i, usual := range strings.Split(defaultTopic, ":") {
		if i < len(parts) && parts[i] == "*" {
			parts[i] = usual
		}
	}
	return strings.ReplaceAll(strings.Join(parts, ":"), "*", "test")
}

const defaultTopic = "arn:aws:sns:ap-northeast-1:123456789012:uploads"
