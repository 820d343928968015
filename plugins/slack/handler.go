package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk"
)

// handler turns one delivery into one message, or many into a digest.
type handler struct {
	composer composer
	client   *client
	lanes    *lanes
	digests  *digests
	sent     *sent
	changed  sync.Map // names of rules whose changed messages were reported
	log      *slog.Logger
}

func start(_ context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
	return newHandler(s, in.Log, http.DefaultTransport.(*http.Transport).Clone())
}

func newHandler(s settings, log *slog.Logger, transport http.RoundTripper) (*handler, error) {
	interval, err := parseRate(s.Rate)
	if err != nil {
		return nil, sdk.Diagnostic{Path: "rate", Summary: err.Error()}
	}
	h := &handler{
		composer: composer{channel: s.Channel, username: s.username(), iconEmoji: s.iconEmoji(), chat: !s.Token.IsZero()},
		client:   newClient(s, transport),
		lanes:    &lanes{pace: pace{interval, s.Burst}, byName: map[string]*lane{}},
		sent:     newSent(),
		log:      log,
	}
	h.digests = newDigests(h.post, s.Timeout)
	return h, nil
}

// Deliver composes a message and posts it. It rejects deliveries that no retry can help.
func (h *handler) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	if receipt, ok := h.sent.receipt(d.ID); ok {
		d.SetReceipt(receipt)
		return nil
	}
	m, err := h.composer.compose(&d.Arguments, d.Envelope)
	if err != nil {
		return sdk.Reject(err)
	}
	h.reportChanges(ctx, d.Rule, m)
	p := newPlace(ctx, age{d.Envelope.GetReceivedUnixNano(), d.ID}, d.Attempt > 1)
	receipt, err := h.send(ctx, d, m, p)
	if err != nil {
		return outcome(err)
	}
	h.sent.add(d.ID, receipt)
	d.SetReceipt(receipt)
	return nil
}

func (h *handler) send(ctx context.Context, d *sdk.Delivery[arguments], m *message, p *place) (receipt string, err error) {
	g := d.Arguments.Digest
	if g == nil {
		return h.post(ctx, m, p)
	}
	return h.digests.deliver(ctx, firstOf(g.Key, d.Rule), g, &entry{message: m, place: p})
}

// reportChanges logs, once for each rule, that its messages had to be changed to fit Slack's limits.
func (h *handler) reportChanges(ctx context.Context, rule string, m *message) {
	if len(m.cuts) == 0 && m.dropped == nil {
		return
	}
	if _, reported := h.changed.LoadOrStore(rule, true); reported {
		return
	}
	if m.dropped != nil {
		h.log.WarnContext(ctx, "message sent without its blocks and attachments, which exceed a limit of Slack; further messages of this rule are not reported", "rule", rule, "err", m.dropped)
		return
	}
	h.log.WarnContext(ctx, "message shortened to Slack's limits; further messages of this rule are not reported", "rule", rule, "cut", m.cuts[:min(len(m.cuts), 10)])
}

// layoutRefused are the codes by which Slack refuses the layout of a message that it may take as plain text.
var layoutRefused = map[string]bool{
	"invalid_blocks": true, "invalid_blocks_format": true, "invalid_attachments": true, "msg_blocks_too_long": true, "too_many_attachments": true, "no_text": true,
}

// post posts a message. If Slack refuses its layout, post sends the text alone: people should hear of the event, and the log names
// the mistake in the layout.
func (h *handler) post(ctx context.Context, m *message, p *place) (receipt string, err error) {
	receipt, err = h.postOnce(ctx, m, p)
	refused, ok := errors.AsType[*refusal](err)
	if !ok || !layoutRefused[refused.code] || len(m.Blocks)+len(m.Attachments) == 0 {
		return receipt, err
	}
	h.log.WarnContext(ctx, "Slack refused the layout of a message, sending its text alone", "channel", m.Channel, "err", err)
	if receipt, err = h.postOnce(ctx, m.plain(), p); err == nil {
		receipt += " (text alone: " + refused.code + ")"
	}
	return receipt, err
}

// postOnce waits for the message's turn and posts it. It posts again when Slack asks it to slow down.
func (h *handler) postOnce(ctx context.Context, m *message, p *place) (receipt string, err error) {
	body, err := m.body()
	if err != nil {
		return "", err
	}
	lane := h.lanes.of("")
	if h.composer.chat {
		lane = h.lanes.of(m.Channel)
	}
	late := lane.run(ctx, p, func() time.Duration {
		receipt, err = h.client.post(ctx, body)
		refused, ok := errors.AsType[*refusal](err)
		if !ok || refused.wait == 0 {
			return 0
		}
		h.log.WarnContext(ctx, "Slack limits the rate of messages", "channel", m.Channel, "wait", refused.wait)
		return refused.wait
	})
	switch {
	case late == nil:
		return receipt, err
	case err != nil:
		return "", fmt.Errorf("%w (%w)", late, err)
	}
	return "", late
}

// Drain implements sdk.Drainer: it sends open digests at once.
func (h *handler) Drain() { h.digests.drain() }

// Close closes idle connections.
func (h *handler) Close() error {
	h.client.http.CloseIdleConnections()
	return nil
}

// outcome marks errors that no retry can help, and those with a time for the next attempt.
func outcome(err error) error {
	if late, ok := errors.AsType[*lateError](err); ok {
		return sdk.RetryAfter(err, late.wait)
	}
	if refused, ok := errors.AsType[*refusal](err); ok && refused.permanent {
		return sdk.Reject(err)
	}
	return err
}
