// Package sns receives the messages that Amazon SNS posts to an HTTP endpoint. The endpoint is open to everybody, and each
// message names the URL of its signing certificate, so snsmessage checks topic, URL and signature, in this order, before
// anything is fetched, stored or confirmed.
//
// SNS retries a delivery for at most an hour, and only after 5xx, 429 or no response: any other status loses the message. So
// errors on our side become 503.
package sns

import (
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Name is the first label of a source block of this kind.
const Name = "sns"

// Doc describes the kind in one sentence.
const Doc = "Messages of Amazon SNS topics. It checks every signature and confirms subscriptions."

// maxBody is enough for a message of 256 KiB in the worst case of JSON escaping.
const maxBody = 2 << 20

// Settings are the attributes of a source block of this kind.
type Settings struct {
	Path                    string        `pointsman:"path" doc:"URL path that the subscription posts to. Default: /hooks/ and the source's name."`
	Topics                  []string      `pointsman:"topics,required" doc:"ARNs of the allowed topics; * matches any characters within a part of the ARN. Only their subscriptions are confirmed."`
	AutoConfirm             bool          `pointsman:"auto_confirm,default=true" doc:"Confirm subscriptions to these topics. false: log the URL that confirms."`
	RequireSignatureVersion int           `pointsman:"require_signature_version" doc:"2 refuses signatures of version 1 (SHA-1), which topics use unless their attribute SignatureVersion is 2. Default: both."`
	MaxAge                  time.Duration `pointsman:"max_age" doc:"Refuse messages older than this. At least 1h5m, because SNS retries for an hour. Default: any age, because a redrive may send old messages."`
	UnwrapS3                bool          `pointsman:"unwrap_s3,default=false" doc:"Decode the messages as S3 event notifications; event.data is then that of a source of kind s3."`
	Raw                     *RawSettings  `pointsman:"raw" doc:"Accept raw message delivery, which is not signed: the sender must send a token."`
	DedupeWindow            time.Duration `pointsman:"dedupe_window" doc:"How long a message id is kept to detect duplicates. Default: the journal's setting."`
	InsecureCertHosts       []string      `pointsman:"insecure_cert_hosts" doc:"For tests: hosts (name or name:port) whose signing certificates are trusted. Anybody who controls one can send anything."`
}

// RawSettings are the attributes of the block raw.
type RawSettings struct {
	Tokens []schema.Secret `pointsman:"tokens,required" doc:"Passwords for the subscription's URL: https://sns:<token>@host/path. Several are allowed for rotation."`
}

// Unwrap returns the events of an S3 notification, which is the text of a message. window is their dedupe window. It returns
// no events and no error if the notification needs none.
type Unwrap func(message []byte, window time.Duration) ([]source.Event, error)

// Kind returns this kind of source. unwrapS3 decodes S3 event notifications for sources with unwrap_s3.
func Kind(unwrapS3 Unwrap) source.Kind {
	k := source.NewKind(Name, Doc, func(s *Settings, d source.Deps) (source.Source, error) { return makeSource(s, d, unwrapS3) })
	k.Decoder = source.NewDecoder(Name, func(s *Settings) (source.Decoder, error) { return decoder(s, unwrapS3) })
	return k
}

// minMaxAge is how long SNS retries a message, plus some time for clock skew.
const minMaxAge = time.Hour + 5*time.Minute

// makeSource makes a source. unwrap may be nil if the settings do not need it.
func makeSource(s *Settings, d source.Deps, unwrap Unwrap) (source.Source, error) {
	p, warnings, err := newProtocol(s, d, unwrap)
	if err != nil {
		return nil, err
	}
	slots := 0
	if p.raw != nil {
		slots = p.raw.slots
	}
	info := source.Info{Kind: Name, Path: s.Path, Warnings: warnings, Insecure: s.insecure()}
	if s.UnwrapS3 {
		info.Data = "s3" // the kind that unwrap makes events of; sources do not import each other
	}
	return source.NewWebhook(source.WebhookOptions{
		Deps: d, Info: info, Protocol: p,
		Limits:            source.Limits{Body: maxBody},
		Success:           200,
		Secrets:           slots,
		SecretWord:        "token",
		KnownTypes:        []string{typeNotification, typeUnsubscribed},
		RefusalReasons:    append(snsmessage.RefusalReasons(), malformed, rawRefused, tokenMissing, tokenMismatch),
		QuarantineReasons: []string{notText, notS3},
	})
}

// insecure returns the names of active settings that admit unauthenticated senders.
func (s *Settings) insecure() []string {
	if len(s.InsecureCertHosts) > 0 {
		return []string{"insecure_cert_hosts"}
	}
	return nil
}

func newProtocol(s *Settings, d source.Deps, unwrap Unwrap) (*protocol, []string, error) {
	if s.MaxAge != 0 && s.MaxAge < minMaxAge {
		return nil, nil, fmt.Errorf("max_age is below %s: SNS retries a message for an hour with the timestamp of the first attempt", minMaxAge)
	}
	if s.UnwrapS3 && unwrap == nil {
		return nil, nil, errors.New("unwrap_s3 is not available")
	}
	if !s.UnwrapS3 {
		unwrap = nil
	}
	policy := snsmessage.Policy{
		Topics: s.Topics, RequireVersion: s.RequireSignatureVersion, InsecureCertHosts: s.InsecureCertHosts, MaxAge: s.MaxAge, AutoConfirm: s.AutoConfirm,
	}
	verifier, err := snsmessage.NewVerifier(policy, snsmessage.Options{Now: d.Now, Log: d.Log.With("source", d.Name)})
	if err != nil {
		return nil, nil, err
	}
	raw, warnings, err := newRaw(s.Raw)
	if err != nil {
		return nil, nil, err
	}
	warnings = append(policy.Warnings(), warnings...)
	return &protocol{verifier: verifier, raw: raw, unwrap: unwrap, window: s.DedupeWindow}, warnings, nil
}
