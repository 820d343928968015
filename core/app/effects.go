package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/dispatch"
	"github.com/pointsman/pointsman/core/journal"
	"github.com/pointsman/pointsman/core/source"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

const (
	// maxHops is how many times in a row events may be emitted in response to emitted events.
	maxHops = 8
	// maxEffects limits the effects of one result.
	maxEffects = 1000
	// emitLimit limits the wait for the journal, because later results of the plugin wait behind this one.
	emitLimit = 5 * time.Second
)

// effects applies the effects in plugins' results. Emitted events are durable before any room message is sent, under ids derived
// from the delivery's id, and a room message that cannot be sent causes no retry. So a retry sends no message twice, except after
// a crash.
type effects struct {
	intake source.Intake
	rooms  func() *roomTable // of the generation in force
	now    func() time.Time
	total  *prometheus.CounterVec
}

var _ dispatch.Effects = (*effects)(nil)

func newEffects(reg prometheus.Registerer, in source.Intake, rooms func() *roomTable) *effects {
	e := &effects{intake: in, rooms: rooms, now: time.Now, total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pointsman_effects_total",
		Help: "Effects in results of plugins. gone: the connection had ended; busy: its queue was full; duplicate: the event had been stored before; impossible: no retry can help.",
	}, []string{"effect", "result"})}
	for effect, results := range map[string][]string{
		"room_broadcast": {"done", "impossible"}, "room_send": {"done", "gone", "busy", "impossible"},
		"emit": {"done", "duplicate", "failed", "impossible"},
	} {
		for _, result := range results {
			e.total.WithLabelValues(effect, result)
		}
	}
	reg.MustRegister(e.total)
	return e
}

// Apply applies all effects of a result or none, except that single connections may miss a message.
func (e *effects) Apply(ctx context.Context, d *journal.Delivery, requested []*pluginv1.Effect) (did string, err error) {
	p, err := e.plan(d, requested)
	if err != nil {
		return "", &dispatch.ImpossibleError{Err: err}
	}
	if err := e.emit(ctx, p.events); err != nil {
		return "", err
	}
	var done []string
	for _, event := range p.events {
		done = append(done, "emitted event "+event.Envelope.GetId())
	}
	var errs []error
	for _, send := range p.messages {
		sent, err := send()
		done, errs = append(done, sent), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return "", &dispatch.ImpossibleError{Err: err}
	}
	return summary(done), nil
}

// summary lists what was done, but not all of a long list.
func summary(done []string) string {
	const most = 5
	if len(done) > most {
		done = append(done[:most:most], fmt.Sprintf("and %d more", len(done)-most))
	}
	return strings.Join(done, "; ")
}

// effectPlan is what a valid result asks for, in the order in which it is applied.
type effectPlan struct {
	events   []source.Event
	messages []func() (did string, err error)
}

// plan checks all effects of a result before any of them is applied.
func (e *effects) plan(d *journal.Delivery, requested []*pluginv1.Effect) (p effectPlan, err error) {
	if len(requested) > maxEffects {
		return p, fmt.Errorf("the result has %d effects; at most %d are allowed: split the event into several", len(requested), maxEffects)
	}
	for i, effect := range requested {
		name, err := e.add(&p, d, i, effect)
		if err != nil {
			e.total.WithLabelValues(name, "impossible").Inc()
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// add puts one effect on the plan. i is its index in the result.
func (e *effects) add(p *effectPlan, d *journal.Delivery, i int, effect *pluginv1.Effect) (name string, err error) {
	switch effect := effect.GetEffect().(type) {
	case *pluginv1.Effect_RoomBroadcast:
		send, err := e.broadcast(d, effect.RoomBroadcast)
		p.messages = append(p.messages, send)
		return "room_broadcast", err
	case *pluginv1.Effect_RoomSend:
		send, err := e.send(d, effect.RoomSend)
		p.messages = append(p.messages, send)
		return "room_send", err
	case *pluginv1.Effect_Emit:
		event, err := e.event(d, i, effect.Emit.GetEnvelope())
		p.events = append(p.events, event)
		return "emit", err
	}
	return "unknown", errors.New("this version of Pointsman does not know the effect: update Pointsman, or use an older version of the plugin")
}

// broadcast returns the sending of a message to a room.
func (e *effects) broadcast(d *journal.Delivery, b *pluginv1.RoomBroadcast) (func() (string, error), error) {
	to, err := e.rooms().find(b.GetSource(), d.Source)
	if err == nil && b.GetRoom() == "" {
		err = errors.New("the plugin names no room")
	}
	return func() (string, error) {
		n := to.Broadcast(b.GetRoom(), b.GetData(), b.GetBinary(), b.GetExceptConnectionId())
		e.total.WithLabelValues("room_broadcast", "done").Inc()
		return "room " + b.GetRoom() + ": " + strconv.Itoa(n) + " connections", nil
	}, err
}

// send returns the sending of a message to a connection. Only a message that is too large fails: a retry would not help the
// others.
func (e *effects) send(d *journal.Delivery, s *pluginv1.RoomSend) (func() (string, error), error) {
	to, err := e.rooms().find(s.GetSource(), d.Source)
	if err == nil && s.GetConnectionId() == "" {
		err = errors.New("the plugin names no connection")
	}
	return func() (string, error) {
		result, err := "done", to.Send(s.GetConnectionId(), s.GetData(), s.GetBinary())
		switch {
		case errors.Is(err, source.ErrTooLarge):
			result, err = "impossible", fmt.Errorf("room_send: %w: send less, or raise limits.message_bytes of the source", err)
		case errors.Is(err, source.ErrBusy):
			result, err = "busy", nil // a late chat message is worthless
		case err != nil:
			result, err = "gone", nil // a retry cannot reach a connection that has ended
		}
		e.total.WithLabelValues("room_send", result).Inc()
		return "connection " + s.GetConnectionId() + ": " + result, err
	}, err
}

// event makes the i-th effect of a result an event of the same source as the delivery's event, one hop further.
func (e *effects) event(d *journal.Delivery, i int, env *pointsmanv1.Envelope) (source.Event, error) {
	var parent pointsmanv1.Envelope
	if err := proto.Unmarshal(d.Envelope, &parent); err != nil {
		return source.Event{}, fmt.Errorf("decode the event of the delivery: %w", err)
	}
	switch {
	case env.GetType() == "":
		return source.Event{}, errors.New("the plugin gave the new event no type")
	case parent.GetHopCount() >= maxHops:
		return source.Event{}, fmt.Errorf("the event was emitted after %d others in a row, which looks like a loop: make sure that no rule sends events of type %q back to this plugin, for example with when = event.hop_count == 0",
			parent.GetHopCount(), env.GetType())
	}
	env.Id = fmt.Sprintf("%s.%d", d.ID, i)
	env.Source, env.Kind = parent.GetSource(), parent.GetKind()
	env.ReceivedUnixNano = e.now().UnixNano()
	env.HopCount = parent.GetHopCount() + 1
	env.VerifiedBy = ""
	env.Sensitive = env.GetSensitive() || parent.GetSensitive()
	if env.GetTraceParent() == "" {
		env.TraceParent = parent.GetTraceParent()
	}
	return source.Event{Envelope: env, Keys: []source.Key{{Value: "emit:" + env.GetId()}}}, nil
}

// emit returns when the events are on disk.
func (e *effects) emit(ctx context.Context, events []source.Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, emitLimit)
	defer cancel()
	accepted, err := e.intake.Accept(ctx, events)
	if err != nil {
		e.total.WithLabelValues("emit", "failed").Add(float64(len(events)))
		return fmt.Errorf("emit: %w", err)
	}
	for _, a := range accepted {
		result := "done"
		if a.Duplicate {
			result = "duplicate"
		}
		e.total.WithLabelValues("emit", result).Inc()
	}
	return nil
}
