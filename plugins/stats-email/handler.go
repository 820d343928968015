package main

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
	"github.com/pointsman/pointsman/plugins/stats-email/stats"
)

// handler turns one delivery into one mail.
type handler struct {
	data   string
	via    string
	server *intdash.Client // nil with sample data
	out    sender
	from   *netmail.Address
}

func start(ctx context.Context, s settings, in sdk.Instance) (sdk.Handler[arguments], error) {
	h := &handler{data: s.Data, via: s.Via}
	var err error
	if h.from, err = s.from(); err != nil {
		return nil, sdk.Diagnostic{Path: "from", Summary: err.Error()}
	}
	if s.Data == dataIntdash {
		h.server, err = intdash.New(intdash.Config{
			URL: s.Intdash.URL, Token: s.Intdash.Token.Reveal(),
			ClientID: s.Intdash.ClientID, ClientSecret: s.Intdash.ClientSecret.Reveal(), RootCAs: roots(s.Intdash.CA),
		})
		if err != nil {
			return nil, sdk.Diagnostic{Path: "intdash", Summary: err.Error()}
		}
	}
	if h.out, err = open(ctx, s, in); err != nil {
		return nil, err
	}
	return h, nil
}

// Close closes connections and files.
func (h *handler) Close() error {
	if h.server != nil {
		h.server.Close()
	}
	return h.out.Close()
}

// Deliver fetches the data, computes the statistics and sends the mail. It rejects deliveries that no retry can help.
func (h *handler) Deliver(ctx context.Context, d *sdk.Delivery[arguments]) error {
	o, err := understand(d, h.data, h.via)
	if err != nil {
		return sdk.Reject(err)
	}
	m, err := h.measure(ctx, o.query)
	if err != nil {
		return outcome(err)
	}
	msg, err := h.compose(d, o, m)
	if err != nil {
		return sdk.Reject(err)
	}
	id, err := h.out.Send(ctx, msg)
	if err != nil {
		return outcome(err)
	}
	d.SetReceipt(receipt(id, m))
	return nil
}

// measure computes the statistics of a complete series. After an error there are none.
func (h *handler) measure(ctx context.Context, q intdash.Query) (*measured, error) {
	if h.server == nil {
		return &measured{Series: *stats.Sample()}, nil
	}
	m := new(measured)
	sum, err := h.server.Points(ctx, q, func(p intdash.Point) { m.Add(p.Value) })
	if err != nil {
		return nil, err
	}
	m.vectors, m.unconverted = sum.Vectors, sum.Unconverted
	return m, nil
}

func (h *handler) compose(d *sdk.Delivery[arguments], o *order, m *measured) (*mail.Message, error) {
	r := newReport(m, o, d.Envelope)
	subject, err := o.subject.render(r)
	if err != nil {
		return nil, err
	}
	r.Subject = subject
	body, err := text(m, r, o.body)
	if err != nil {
		return nil, err
	}
	return &mail.Message{
		ID: d.ID, Attempt: d.Attempt, Rule: d.Rule, From: h.from, To: o.to, Subject: subject, Text: body, Date: time.Now(),
	}, nil
}

func receipt(id string, m *measured) string {
	s := fmt.Sprintf("%s, %d samples", id, m.Count())
	if m.Skipped() > 0 {
		s += fmt.Sprintf(", %d skipped", m.Skipped())
	}
	return s
}

// outcome marks permanent errors, and those with a time for the next attempt.
func outcome(err error) error {
	var fetch *intdash.Error
	var send *mail.Error
	var partial *mail.PartialError
	var refusal *amazon.Error
	switch {
	case errors.As(err, &fetch) && fetch.Permanent, errors.As(err, &send) && send.Permanent, errors.As(err, &partial) && partial.Permanent(),
		errors.As(err, &refusal) && refusal.Permanent:
		return sdk.Reject(err)
	case fetch != nil && fetch.RetryAfter > 0:
		return sdk.RetryAfter(err, fetch.RetryAfter)
	case send != nil && send.RetryAfter > 0:
		return sdk.RetryAfter(err, send.RetryAfter)
	case refusal != nil && refusal.RetryAfter > 0:
		return sdk.RetryAfter(err, refusal.RetryAfter)
	}
	return err
}
