// Package intdash receives the webhooks of intdash: one signed JSON object per request about a measurement, an edge or
// another resource. The format has no public reference; this package follows aptpod's published samples:
// github.com/aptpod/intdash-webhook-example (the preview of 2023) and github.com/aptpod/intdash-sdk-beginner (2024).
//
// The signature does not cover a time, so a replayed request is authentic: only the dedupe window detects it.
package intdash

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// Name is the first label of a source block of this kind.
const Name = "intdash"

// Doc describes the kind in one sentence.
const Doc = "Signed webhooks of intdash."

// maxBody is far above real bodies, which are below 1 KiB.
const maxBody = 1 << 20

// Settings are the attributes of a source block of this kind.
type Settings struct {
	Path         string          `pointsman:"path" doc:"URL path that the hook posts to. Default: /hooks/ and the source's name."`
	Secrets      []schema.Secret `pointsman:"secrets,required" doc:"Secrets that requests are signed with, newest first. Several are allowed for rotation."`
	DedupeWindow time.Duration   `pointsman:"dedupe_window" doc:"How long an event's keys are kept to detect duplicates. Default: the journal's setting."`
}

// Kind returns this kind of source.
func Kind() source.Kind {
	k := source.NewKind(Name, Doc, makeSource)
	k.Decoder = source.NewDecoder(Name, decoder)
	return k
}

func decoder(s *Settings) (source.Decoder, error) {
	return func(sample source.Sample) ([]source.Event, error) {
		if sample.Client != nil {
			return nil, source.ErrNoConnections
		}
		q := request{slot: -1, body: sample.Body, window: s.DedupeWindow}
		return q.Events(context.Background(), sample.Received)
	}, nil
}

func makeSource(s *Settings, d source.Deps) (source.Source, error) {
	verifier, warnings, err := newVerifier(s.Secrets)
	if err != nil {
		return nil, err
	}
	return source.NewWebhook(source.WebhookOptions{
		Deps: d, Info: source.Info{Kind: Name, Path: s.Path, Warnings: warnings},
		Protocol:          &protocol{verifier: verifier, window: s.DedupeWindow},
		Limits:            source.Limits{Body: maxBody},
		Secrets:           len(s.Secrets),
		KnownTypes:        KnownTypes(),
		RefusalReasons:    refusalReasons,
		QuarantineReasons: quarantineReasons,
	})
}

// protocol implements source.Protocol for intdash.
type protocol struct {
	verifier *verifier
	window   time.Duration
}

// Authenticate implements source.Protocol.
func (p *protocol) Authenticate(r *http.Request, body []byte) (source.Request, error) {
	slot, err := p.verifier.verify(r.Header[SignatureHeader], body)
	if err != nil {
		return nil, err
	}
	return &request{slot: slot, body: body, window: p.window}, nil
}

// request is one webhook with a valid signature.
type request struct {
	slot   int
	body   []byte
	window time.Duration
}

// Slot implements source.Request.
func (q *request) Slot() int { return q.slot }

// Reply implements source.Request: intdash has no handshake.
func (q *request) Reply(context.Context) (*source.Reply, error) { return nil, nil }

// Events implements source.Request.
func (q *request) Events(context.Context, time.Time) ([]source.Event, error) {
	event, err := Decode(q.body, q.window)
	if err != nil {
		return nil, err
	}
	return []source.Event{event}, nil
}

// newVerifier checks the secrets and returns warnings about weak ones. It skips empty secrets, with which anybody could
// sign, but the others keep their positions.
func newVerifier(secrets []schema.Secret) (*verifier, []string, error) {
	const minLen = 24 // bytes; shorter secrets can be guessed
	if len(secrets) == 0 {
		return nil, nil, errors.New("secrets: set at least one")
	}
	warnings, err := source.CheckSecrets("secrets", secrets, minLen)
	if err != nil {
		return nil, nil, err
	}
	v := &verifier{}
	for slot, s := range secrets {
		if !s.IsZero() {
			v.keys = append(v.keys, newKey(slot, s.Reveal()))
		}
	}
	return v, warnings, nil
}
