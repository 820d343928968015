// Package intdash receives the webhooks of intdash: one signed JSON object per request about a measurement, an edge or
// another resource. The format has no public reference; this package follows aptpod's published samples:
// github.com/aptpod/intdash-webhook-example (the preview of 2023) and github.com/aptpod/intdash-sdk-beginner (2024).
//
// The signature does not cover a time, so a replayed request is authentic: only the dedupe window detects it.
package intdash

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Kind is the first label of a source block of this kind.
const Kind = "intdash"

// maxBody is far above real bodies, which are below 1 KiB.
const maxBody = 1 << 20

// Settings are the attributes of a source block of this kind.
type Settings struct {
	Path         string          `pointsman:"path" doc:"URL path that the hook posts to. Default: /hooks/ and the source's name."`
	Secrets      []schema.Secret `pointsman:"secrets,required" doc:"Secrets that requests are signed with, newest first. Several are allowed for rotation."`
	DedupeWindow time.Duration   `pointsman:"dedupe_window" doc:"How long an event's keys are kept to detect duplicates. Default: the journal's setting."`
}

// Schema describes Settings.
func Schema() *pluginv1.Schema { return schema.MustOf(Settings{}) }

// Source is one configured intdash source.
type Source struct {
	*source.Webhook
	warnings []string
}

// New returns an error if the settings, a JSON object that satisfies Schema, are invalid.
func New(settings []byte, d source.Deps) (*Source, error) {
	var s Settings
	if err := schema.Decode(nil, settings, &s); err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	verifier, warnings, err := newVerifier(s.Secrets)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", d.Name, err)
	}
	webhook, err := source.NewWebhook(source.WebhookOptions{
		Deps: d, Kind: Kind, Path: s.Path,
		Protocol:          &protocol{verifier: verifier, window: s.DedupeWindow},
		Limits:            source.Limits{Body: maxBody},
		Secrets:           len(s.Secrets),
		KnownTypes:        KnownTypes(),
		RefusalReasons:    refusalReasons,
		QuarantineReasons: quarantineReasons,
	})
	if err != nil {
		return nil, err
	}
	return &Source{Webhook: webhook, warnings: warnings}, nil
}

// Warnings returns what the operator should know about the settings at start. They contain no secrets.
func (s *Source) Warnings() []string { return s.warnings }

// protocol implements source.Protocol for intdash.
type protocol struct {
	verifier *verifier
	window   time.Duration
}

// Verify implements source.Protocol.
func (p *protocol) Verify(r *http.Request, body []byte) (int, error) {
	return p.verifier.verify(r.Header[SignatureHeader], body)
}

// Decode implements source.Protocol.
func (p *protocol) Decode(_ http.Header, body []byte, _ time.Time) ([]source.Event, error) {
	event, err := Decode(body, p.window)
	if err != nil {
		return nil, err
	}
	return []source.Event{event}, nil
}

// newVerifier checks the secrets and returns warnings about weak ones. It skips empty secrets, with which anybody could
// sign, but the others keep their positions.
func newVerifier(secrets []schema.Secret) (*verifier, []string, error) {
	const minLen = 24 // bytes; shorter secrets can be guessed
	v := &verifier{}
	var warnings []string
	for slot, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] is empty and ignored: check that its environment variable is set", slot))
			continue
		}
		if len(text) < minLen {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] is %d bytes long; use at least %d", slot, len(text), minLen))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] ends with a line break, which is part of the secret: remove it unless the hook's secret has it as well", slot))
		}
		v.keys = append(v.keys, newKey(slot, text))
	}
	if len(v.keys) == 0 {
		return nil, nil, errors.New("secrets: every secret is empty: check that the environment variables are set")
	}
	return v, warnings, nil
}
