// Package sns receives what Amazon SNS posts to an HTTP endpoint. The endpoint is open to everybody, and each message asks
// that a certificate be fetched from a URL that it names: nothing is fetched, stored or confirmed before snsmessage has
// checked topic, URL and signature, in this order.
//
// SNS repeats a delivery for an hour at most, and only after 5xx, 429 or no answer: any other answer loses the message. So
// what goes wrong on our side is answered 503.
package sns

import (
	"errors"
	"fmt"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Kind is the first label of a source block of this kind.
const Kind = "sns"

// maxBody leaves room for 256 KiB of message, escaped as JSON at its worst.
const maxBody = 2 << 20

// Settings are what a source block of this kind may hold.
type Settings struct {
	Path                    string        `pointsman:"path" doc:"URL path that the subscription posts to. Default: /hooks/ and the source's name."`
	Topics                  []string      `pointsman:"topics,required" doc:"ARNs of the topics that may send, with * for any characters. Only their subscriptions are confirmed."`
	AutoConfirm             bool          `pointsman:"auto_confirm,default=true" doc:"Confirm subscriptions to these topics. false: log the URL that confirms, for a person to visit."`
	RequireSignatureVersion int           `pointsman:"require_signature_version" doc:"2 refuses signatures of version 1 (SHA-1), which is what a topic signs with unless its attribute SignatureVersion is 2. Default: both."`
	MaxAge                  time.Duration `pointsman:"max_age" doc:"Refuse messages older than this. Not below 1h5m: SNS repeats for an hour. Default: any age, for a redrive may send old messages."`
	UnwrapS3                bool          `pointsman:"unwrap_s3,default=false" doc:"The messages are S3 event notifications: make S3 events of them, event.data as with a source of kind s3."`
	Raw                     *RawSettings  `pointsman:"raw" doc:"Take raw message delivery, which is not signed: the sender shows a token instead."`
	DedupeWindow            time.Duration `pointsman:"dedupe_window" doc:"How long a message is remembered, so that sending it again is recognised. Default: the journal's."`
	InsecureCertHosts       []string      `pointsman:"insecure_cert_hosts" doc:"For tests: hosts (name or name:port) whose signing certificates are believed as they are. Whoever controls one can send anything."`
}

// RawSettings is the block `raw`.
type RawSettings struct {
	Tokens []schema.Secret `pointsman:"tokens,required" doc:"Passwords that the subscription's URL may hold: https://sns:<token>@host/path. Several while one is being replaced."`
}

// Schema describes Settings.
func Schema() *pluginv1.Schema { return schema.MustOf(Settings{}) }

// Unwrap makes the events of an S3 notification, the text of a message, whose keys are remembered for window. No event and no
// error: it is one that needs none.
type Unwrap func(message []byte, window time.Duration) ([]source.Event, error)

// Source is one configured SNS source.
type Source struct {
	*source.Webhook
	settings Settings
	warnings []string
}

// minMaxAge is the longest that SNS goes on repeating a message, and some time for clocks that differ.
const minMaxAge = time.Hour + 5*time.Minute

// New makes a source of its settings, a JSON object that satisfies Schema. An error is a mistake in the settings. unwrap is
// used with unwrap_s3 and may else be nil.
func New(settings []byte, d source.Deps, unwrap Unwrap) (*Source, error) {
	var s Settings
	if err := schema.Decode(nil, settings, &s); err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	p, warnings, err := newProtocol(s, d, unwrap)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	slots := 0
	if p.raw != nil {
		slots = p.raw.slots
	}
	webhook, err := source.NewWebhook(source.WebhookOptions{
		Deps: d, Kind: Kind, Path: s.Path, Protocol: p,
		Limits:            source.Limits{Body: maxBody},
		Success:           200,
		Secrets:           slots,
		KnownTypes:        []string{typeNotification, typeUnsubscribed},
		RefusalReasons:    append(snsmessage.RefusalReasons(), malformed, rawRefused, tokenMissing, tokenMismatch),
		QuarantineReasons: []string{notText, notS3},
	})
	if err != nil {
		return nil, err
	}
	return &Source{Webhook: webhook, settings: s, warnings: warnings}, nil
}

// Warnings are what the operator should know about the settings at start. They hold no secret.
func (s *Source) Warnings() []string { return s.warnings }

// Insecure names the settings that let in what nobody has proved to be authentic.
func (s *Source) Insecure() []string {
	if len(s.settings.InsecureCertHosts) > 0 {
		return []string{"insecure_cert_hosts"}
	}
	return nil
}

func newProtocol(s Settings, d source.Deps, unwrap Unwrap) (*protocol, []string, error) {
	if s.MaxAge != 0 && s.MaxAge < minMaxAge {
		return nil, nil, fmt.Errorf("max_age is below %s: SNS repeats a message for an hour, with the time of the first attempt", minMaxAge)
	}
	if s.UnwrapS3 && unwrap == nil {
		return nil, nil, errors.New("unwrap_s3 is not available here")
	}
	if !s.UnwrapS3 {
		unwrap = nil
	}
	policy := snsmessage.Policy{
		Topics: s.Topics, RequireVersion: s.RequireSignatureVersion, InsecureCertHosts: s.InsecureCertHosts, MaxAge: s.MaxAge,
	}
	verifier, err := snsmessage.NewVerifier(policy, snsmessage.Options{Now: d.Now, Log: d.Log})
	if err != nil {
		return nil, nil, err
	}
	raw, warnings, err := newRaw(s.Raw)
	if err != nil {
		return nil, nil, err
	}
	warnings = append(policy.Warnings(), warnings...)
	return &protocol{
		verifier: verifier, confirm: s.AutoConfirm, raw: raw, unwrap: unwrap, window: s.DedupeWindow,
		log: d.Log.With("source", d.Name),
	}, warnings, nil
}
