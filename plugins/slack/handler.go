package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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

// Deliver composes and posts. What another attempt cannot mend is rejected.
func (h *handler) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	if receipt, ok := h.sent.receipt(d.ID); ok {
		d.SetReceipt(receipt)
		return nil
	}
	m, err := h.composer.compose(&d.Arguments, d.Envelope)
	if err != nil {
		return sdk.Reject(err)
	}
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

// post waits for the message's turn and posts it. After a refusal for being too fast it does so again.
func (h *handler) post(ctx context.Context, m *message, p *place) (receipt string, err error) {
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
		h.log.WarnContext(ctx, "Slack wants fewer messages", "channel", m.Channel, "wait", refused.wait)
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

// Drain implements sdk.Drainer: what waits in digests is sent at once.
func (h *handler) Drain() { h.digests.drain() }

// Close drops connections.
func (h *handler) Close() error {
	h.client.http.CloseIdleConnections()
	return nil
}

// outcome tells errors for good from those that another attempt may mend.
func outcome(err error) error {
	if late, ok := errors.AsType[*lateError](err); ok {
		return sdk.RetryAfter(err, late.wait)
	}
	if refused, ok := errors.AsType[*refusal](err); ok && refused.permanent {
		return sdk.Reject(err)
	}
	return err
}
