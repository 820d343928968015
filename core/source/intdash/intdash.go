// Package intdash receives the webhooks of intdash: one signed JSON object per request about a measurement, an edge or
// another resource. Their format has no public reference. What is known comes from aptpod's published samples:
// github.com/aptpod/intdash-webhook-example (the preview of 2023) and github.com/aptpod/intdash-sdk-beginner (2024).
//
// The signature holds no time, so an old request that is sent again is genuine: only the dedupe window recognises it.
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

// maxBody is generous: real bodies are below 1 KiB.
const maxBody = 1 << 20

// Settings are what a source block of this kind may hold.
type Settings struct {
	Path         string          `pointsman:"path" doc:"URL path that the hook posts to. Default: /hooks/ and the source's name."`
	Secrets      []schema.Secret `pointsman:"secrets,required" doc:"Secrets that a request may be signed with, newest first. Several while a secret is being replaced."`
	DedupeWindow time.Duration   `pointsman:"dedupe_window" doc:"How long an event is remembered, so that sending it again is recognised. Default: the journal's."`
}

// Schema describes Settings.
func Schema() *pluginv1.Schema { return schema.MustOf(Settings{}) }

// Source is one configured intdash source.
type Source struct {
	*source.Webhook
	warnings []string
}

// New makes a source of its settings, a JSON object that satisfies Schema. An error is a mistake in the settings.
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

// Warnings are what the operator should know about the settings at start. They hold no secret.
func (s *Source) Warnings() []string { return s.warnings }

// protocol is what intdash adds to source.Webhook.
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

// newVerifier checks the secrets. Empty ones are left out, for anybody could sign with them, but keep their position.
func newVerifier(secrets []schema.Secret) (*verifier, []string, error) {
	const short = 24 // bytes; fewer can be guessed with patience
	v := &verifier{}
	var warnings []string
	for slot, s := range secrets {
		text := s.Reveal()
		if text == "" {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] is empty and is not used: is its environment variable set?", slot))
			continue
		}
		if len(text) < short {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] is shorter than %d bytes: use a longer one", slot, short))
		}
		if strings.HasSuffix(text, "\n") {
			warnings = append(warnings, fmt.Sprintf("secrets[%d] ends with a line break, which counts as part of it: remove it unless the hook has it too", slot))
		}
		v.keys = append(v.keys, newKey(slot, text))
	}
	if len(v.keys) == 0 {
		return nil, nil, errors.New("secrets: no secret that is not empty: set the environment variable that it is read from")
	}
	return v, warnings, nil
}
