// Package s3 receives the notifications of S3 object stores: AWS (through SNS or EventBridge), MinIO, Ceph RGW, VK Cloud and
// versitygw. All of them post records of the same form, but each store writes its own dialect; the differences are in
// dialect.go, sequence.go and record.go.
//
// The stores do not sign their notifications; only SNS signs what it wraps around those of AWS. The others send a token that
// anybody knows who can read the store's configuration or the network. So a notification is only a hint to look at the store.
package s3

import (
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Name is the first label of a source block of this kind.
const Name = "s3"

// Doc describes the kind in one sentence.
const Doc = "Notifications of object stores: MinIO, AWS (through SNS or EventBridge), Ceph, VK Cloud, versitygw."

// Settings are the attributes of a source block of this kind.
type Settings struct {
	Path           string          `pointsman:"path" doc:"URL path that the store posts to. Default: /hooks/ and the source's name."`
	Dialect        string          `pointsman:"dialect,default=auto,one_of=auto|aws|minio|ceph|vk|versitygw|sns|eventbridge" doc:"Dialect to accept. auto: all, detected by their form. Notifications of other dialects are quarantined."`
	Tokens         []schema.Secret `pointsman:"tokens" doc:"Tokens that senders pass in the header Authorization (Bearer, password of Basic, or bare) or as the last segment of the URL's path, newest first. Several are allowed for rotation."`
	AllowAnonymous bool            `pointsman:"allow_anonymous" doc:"Accept notifications from anybody who can reach the source. Insecure."`
	Buckets        []string        `pointsman:"buckets" doc:"Buckets to accept notifications of; * matches any characters. Default: all buckets."`
	PublicURL      schema.Secret   `pointsman:"public_url" doc:"The URL exactly as registered with VK Cloud: it is part of the signature that confirms the registration."`
	DecodeKeys     string          `pointsman:"decode_keys,default=dialect,one_of=dialect|always|never" doc:"Whether to unescape keys (+ and %XX). dialect: depending on the store."`
	DedupeWindow   time.Duration   `pointsman:"dedupe_window" doc:"How long an event's id is kept to detect duplicates. Default: the journal's setting."`
	SNS            *SNSSettings    `pointsman:"sns" doc:"Accept notifications that AWS sends through Amazon SNS."`
}

// SNSSettings are the attributes of the block sns.
type SNSSettings struct {
	Topics                  []string `pointsman:"topics,required" doc:"ARNs of the allowed topics; * matches any characters within a part of the ARN. SNS signs the topics of all accounts with the same keys, so only this list keeps others out."`
	RequireSignatureVersion int      `pointsman:"require_signature_version,default=1" doc:"The lowest signature version to accept: 1 (also SHA-1) or 2 (only SHA-256)."`
	AutoConfirm             bool     `pointsman:"auto_confirm,default=true" doc:"Confirm subscriptions to these topics. false: log the URL that confirms."`
	InsecureCertHosts       []string `pointsman:"insecure_cert_hosts" doc:"Hosts, optionally with a port, that are trusted like Amazon's. For tests with emulators. Insecure."`
}

// Kind returns this kind of source.
func Kind() source.Kind {
	k := source.NewKind(Name, Doc, func(s *Settings, d source.Deps) (source.Source, error) {
		return makeSource(s, d, snsmessage.Options{Log: d.Log.With("source", d.Name)})
	})
	k.Decoder = source.NewDecoder(Name, decoder)
	return k
}

// Bodies of AWS have at most 64 KiB, those of other stores a few. Inside an SNS message they are escaped, which may double
// their size.
const (
	maxBody    = 1 << 20
	maxSNSBody = 2 << 20
)

// makeSource makes a source that talks to SNS as the options say.
func makeSource(s *Settings, d source.Deps, sns snsmessage.Options) (source.Source, error) {
	if s.Path == "" {
		s.Path = source.DefaultPath(d.Name) // the protocol compares the token with what follows it
	}
	p, warnings, err := newProtocol(s, sns)
	if err != nil {
		return nil, err
	}
	limit := int64(maxBody)
	if s.SNS != nil {
		limit = maxSNSBody
	}
	return source.NewWebhook(source.WebhookOptions{
		Deps: d, Info: source.Info{
			Kind: Name, Path: s.Path, Subtree: len(s.Tokens) > 0, Warnings: warnings, Insecure: s.insecure(),
		},
		Protocol:          p,
		Limits:            source.Limits{Body: limit},
		Success:           200, // Ceph does not document which other statuses it accepts
		Secrets:           len(s.Tokens),
		SecretWord:        "token",
		KnownTypes:        KnownTypes(),
		RefusalReasons:    refusalReasons(),
		QuarantineReasons: quarantineReasons(),
	})
}

// decoding returns the options of Decode.
func (s *Settings) decoding() DecodeOptions {
	return DecodeOptions{Keys: s.DecodeKeys, Buckets: s.Buckets, Window: s.DedupeWindow}
}

// insecure returns the names of active settings that admit unauthenticated senders.
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
