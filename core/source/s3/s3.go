// Package s3 receives the notifications of S3 object stores: AWS (through SNS or EventBridge), MinIO, Ceph RGW, VK Cloud and
// versitygw. All post records of one form, of which each store writes a dialect of its own; the differences that matter are
// in dialect.go, sequence.go and record.go.
//
// None of them signs what it sends; only SNS does, around what AWS sends. The others show a token that whoever can read the
// store's configuration or the network knows. A notification is a hint to look at the store, and no more.
package s3

import (
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Kind is the first label of a source block of this kind.
const Kind = "s3"

// Settings are what a source block of this kind may hold.
type Settings struct {
	Path           string          `pointsman:"path" doc:"URL path that the store posts to. Default: /hooks/ and the source's name."`
	Dialect        string          `pointsman:"dialect,default=auto,one_of=auto|aws|minio|ceph|vk|versitygw|sns|eventbridge" doc:"Whose notifications to take. auto: any, told apart by their form. What is of another dialect is quarantined."`
	Tokens         []schema.Secret `pointsman:"tokens" doc:"Tokens that a sender shows in the header Authorization (Bearer, password of Basic, or bare) or as the last segment of the URL's path, newest first. Several while a token is being replaced."`
	AllowAnonymous bool            `pointsman:"allow_anonymous" doc:"Take notifications from anybody who can reach the source. Insecure."`
	Buckets        []string        `pointsman:"buckets" doc:"Buckets to take notifications of; * stands for any characters. Default: any bucket."`
	PublicURL      schema.Secret   `pointsman:"public_url" doc:"The URL as registered with VK Cloud, to the letter: it is part of the answer that confirms the registration."`
	DecodeKeys     string          `pointsman:"decode_keys,default=dialect,one_of=dialect|always|never" doc:"Whether keys are unescaped (+ and %XX). dialect: as each store writes them."`
	DedupeWindow   time.Duration   `pointsman:"dedupe_window" doc:"How long an event is remembered, so that sending it again is recognised. Default: the journal's."`
	SNS            *SNSSettings    `pointsman:"sns" doc:"Take notifications that AWS sends through Amazon SNS."`
}

// SNSSettings are the block `sns`.
type SNSSettings struct {
	Topics                  []string `pointsman:"topics,required" doc:"ARNs of the topics to take messages of; * stands for any characters within a part of the ARN. SNS signs everybody's messages alike, so this is what keeps others out."`
	RequireSignatureVersion int      `pointsman:"require_signature_version,default=1" doc:"The lowest signature version to take: 1 (SHA-1 too), or 2 (SHA-256 only)."`
	AutoConfirm             bool     `pointsman:"auto_confirm,default=true" doc:"Confirm subscriptions of these topics. Otherwise the URL to be visited is logged."`
	InsecureCertHosts       []string `pointsman:"insecure_cert_hosts" doc:"Hosts, with a port if any, whose word is taken for Amazon's. For tests with emulators. Insecure."`
}

// Schema describes Settings.
func Schema() *pluginv1.Schema { return schema.MustOf(Settings{}) }

// maxBody is generous: a body of AWS has at most 64 KiB, one of the others a few. Inside an SNS message it is escaped.
const (
	maxBody    = 1 << 20
	maxSNSBody = 2 << 20
)

// Source is one configured S3 source.
type Source struct {
	*source.Webhook
	warnings, insecure []string
}

// New makes a source of its settings, a JSON object that satisfies Schema. An error is a mistake in the settings.
func New(settings []byte, d source.Deps) (*Source, error) {
	return newSource(settings, d, snsmessage.Options{Log: d.Log})
}

func newSource(settings []byte, d source.Deps, sns snsmessage.Options) (*Source, error) {
	var s Settings
	if err := schema.Decode(nil, settings, &s); err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	if s.Path == "" {
		s.Path = source.DefaultPath(d.Name)
	}
	p, warnings, err := newProtocol(&s, sns)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	limit := int64(maxBody)
	if s.SNS != nil {
		limit = maxSNSBody
	}
	webhook, err := source.NewWebhook(source.WebhookOptions{
		Deps: d, Kind: Kind, Path: s.Path,
		Protocol:          p,
		Limits:            source.Limits{Body: limit},
		Subtree:           len(s.Tokens) > 0,
		Success:           200, // Ceph does not say which others it takes for success
		Secrets:           len(s.Tokens),
		KnownTypes:        KnownTypes(),
		RefusalReasons:    refusalReasons(),
		QuarantineReasons: quarantineReasons(),
	})
	if err != nil {
		return nil, err
	}
	p.log = d.Log.With("source", d.Name)
	return &Source{Webhook: webhook, warnings: warnings, insecure: s.insecure()}, nil
}

// Warnings are what the operator should know about the settings at start. They hold no secret.
func (s *Source) Warnings() []string { return s.warnings }

// Insecure names the settings in force that let others in than those who should be.
func (s *Source) Insecure() []string { return s.insecure }

func (s *Settings) insecure() []string {
	var names []string
	if s.AllowAnonymous {
		names = append(names, "allow_anonymous")
	}
	if s.SNS != nil && len(s.SNS.InsecureCertHosts) > 0 {
		names = append(names, "sns.insecure_cert_hosts")
	}
	return names
}
