package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// maxHops is how often events may be made out of events.
	maxHops = 8
	// maxEffects bounds what one result asks for.
	maxEffects = 1000
	// emitLimit bounds the wait for the journal. Results behind this one wait as long.
	emitLimit = 5 * time.Second
)

// effects does what plugins ask for in their results. A delivery's events are durable, under ids of their own that stay the same
// when the delivery comes again, before anything is said; and nothing that is said is a reason to try again. So a retry never says
// anything twice, save after a crash.
type effects struct {
	intake  source.Intake
	sources []source.Source
	now     func() time.Time
	total   *prometheus.CounterVec
}

var _ dispatch.Effects = (*effects)(nil)

func newEffects(reg prometheus.Registerer, in source.Intake, sources []source.Source) *effects {
	e := &effects{intake: in, sources: sources, now: time.Now, total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pointsman_effects_total",
		Help: "Effects that plugins asked for. gone: the connection was not there any more; busy: it did not read what it had got already; duplicate: the event had been made before; impossible: refused for good.",
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

// Apply does all the effects of a result, or none, save that one connection may get less than the others.
func (e *effects) Apply(d *journal.Delivery, asked []*pluginv1.Effect) error {
	a, err := e.plan(d, asked)
	if err != nil {
		return &dispatch.ImpossibleError{Err: err}
	}
	if err := e.emit(a.events); err != nil {
		return err
	}
	var refused []error
	for _, say := range a.said {
		refused = append(refused, say())
	}
	if err := errors.Join(refused...); err != nil {
		return &dispatch.ImpossibleError{Err: err}
	}
	return nil
}

// agenda is what a result asks for, found to be possible.
type agenda struct {
	events []source.Event
	said   []func() error
}

func (e *effects) plan(d *journal.Delivery, asked []*pluginv1.Effect) (a agenda, err error) {
	if len(asked) > maxEffects {
		return a, fmt.Errorf("the plugin asks for %d effects at once; at most %d are done: split the event into several", len(asked), maxEffects)
	}
	for i, effect := range asked {
		name, err := e.add(&a, d, i, effect)
		if err != nil {
			e.total.WithLabelValues(name, "impossible").Inc()
			return a, fmt.Errorf("%s: %w", name, err)
		}
	}
	return a, nil
}

// add puts one effect on the agenda. i is its place in the result.
func (e *effects) add(a *agenda, d *journal.Delivery, i int, effect *pluginv1.Effect) (name string, err error) {
	switch effect := effect.GetEffect().(type) {
	case *pluginv1.Effect_RoomBroadcast:
		say, err := e.broadcast(d, effect.RoomBroadcast)
		a.said = append(a.said, say)
		return "room_broadcast", err
	case *pluginv1.Effect_RoomSend:
		say, err := e.send(d, effect.RoomSend)
		a.said = append(a.said, say)
		return "room_send", err
	case *pluginv1.Effect_Emit:
		event, err := e.event(d, i, effect.Emit.GetEnvelope())
		a.events = append(a.events, event)
		return "emit", err
	}
	return "unknown", errors.New("the plugin asks for something that this version of Pointsman does not know: update Pointsman, or take an older plugin")
}

func (e *effects) broadcast(d *journal.Delivery, b *pluginv1.RoomBroadcast) (func() error, error) {
	to, err := e.rooms(b.GetSource(), d.Source)
	if err == nil && b.GetRoom() == "" {
		err = errors.New("the plugin names no room")
	}
	return func() error {
		to.Broadcast(b.GetRoom(), b.GetData(), b.GetBinary(), b.GetExceptConnectionId())
		e.total.WithLabelValues("room_broadcast", "done").Inc()
		return nil
	}, err
}

func (e *effects) send(d *journal.Delivery, s *pluginv1.RoomSend) (func() error, error) {
	to, err := e.rooms(s.GetSource(), d.Source)
	if err == nil && s.GetConnectionId() == "" {
		err = errors.New("the plugin names no connection")
	}
	return func() error {
		result, err := "done", to.Send(s.GetConnectionId(), s.GetData(), s.GetBinary())
		switch {
		case errors.Is(err, source.ErrTooLarge):
			result, err = "impossible", fmt.Errorf("room_send: %w: send less, or raise limits.message_bytes of the source", err)
		case errors.Is(err, source.ErrBusy):
			result, err = "busy", nil // chat that is late is worth nothing
		case err != nil:
			result, err = "gone", nil // nobody is there to hear it, and nobody ever will
		}
		e.total.WithLabelValues("room_send", result).Inc()
		return err
	}, err
}

// rooms finds the source called name. Without a name it is the event's own if that has rooms, else the only one that has.
func (e *effects) rooms(name, own string) (source.Rooms, error) {
	having, kinds := map[string]source.Rooms{}, map[string]string{}
	for _, s := range e.sources {
		info := s.Info()
		kinds[info.Name] = info.Kind
		if info.Rooms != nil {
			having[info.Name] = info.Rooms
		}
	}
	names := slices.Sorted(maps.Keys(having))
	if name == "" && having[own] != nil {
		name = own
	} else if name == "" && len(names) == 1 {
		name = names[0]
	}
	switch {
	case having[name] != nil:
		return having[name], nil
	case name == "" && len(names) > 0:
		return nil, fmt.Errorf("the plugin does not say which source it means: %s", choice(names))
	case kinds[name] != "":
		return nil, fmt.Errorf("source %q is of kind %s and has no rooms: %s", name, kinds[name], choice(names))
	case name != "":
		return nil, fmt.Errorf("there is no source %q: %s", name, choice(names))
	}
	return nil, errors.New(choice(names))
}

// choice says what to write where a source with rooms is wanted.
func choice(names []string) string {
	if len(names) == 0 {
		return `no source with rooms is configured: add a block source "websocket"`
	}
	return fmt.Sprintf(`set "source" in the plugin's settings to one of %q, restart, and re-drive the delivery`, names)
}

// event makes the i-th effect of a result an event: of the same source as the one it is made of, one hop further.
func (e *effects) event(d *journal.Delivery, i int, env *pointsmanv1.Envelope) (source.Event, error) {
	var parent pointsmanv1.Envelope
	if err := proto.Unmarshal(d.Envelope, &parent); err != nil {
		return source.Event{}, fmt.Errorf("read the event that it is made of: %w", err)
	}
	switch {
	case env.GetType() == "":
		return source.Event{}, errors.New("the plugin gave the new event no type")
	case parent.GetHopCount() >= maxHops:
		return source.Event{}, fmt.Errorf("the event was made of another one %d times over, which looks like a loop: see that no rule sends events of type %q back to this plugin, for example with when = event.hop_count == 0",
			parent.GetHopCount(), env.GetType())
	}
	env.Id = fmt.Sprintf("%s.%d", d.ID, i)
	env.Source, env.Kind = parent.GetSource(), parent.GetKind()
	env.ReceivedUnixNano = e.now().UnixNano()
	env.HopCount = parent.GetHopCount() + 1
	if env.GetTraceParent() == "" {
		env.TraceParent = parent.GetTraceParent()
	}
	return source.Event{Envelope: env, Keys: []source.Key{{Value: "emit:" + env.GetId()}}}, nil
}

// emit returns when the events are on disk.
func (e *effects) emit(events []source.Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), emitLimit)
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
