package admin

import (
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// maxMatchBytes limits an expression in a filter.
const maxMatchBytes = 8 << 10

var (
	eventStates = map[adminv1.EventState]journal.State{
		adminv1.EventState_EVENT_STATE_UNSPECIFIED: "",
		adminv1.EventState_EVENT_STATE_PENDING:     journal.StatePending,
		adminv1.EventState_EVENT_STATE_DONE:        journal.StateDone,
		adminv1.EventState_EVENT_STATE_DEAD:        journal.StateDead,
		adminv1.EventState_EVENT_STATE_UNMATCHED:   journal.StateUnmatched,
		adminv1.EventState_EVENT_STATE_QUARANTINED: journal.StateQuarantined,
	}
	deliveryStates = map[adminv1.DeliveryState]journal.State{
		adminv1.DeliveryState_DELIVERY_STATE_UNSPECIFIED: "",
		adminv1.DeliveryState_DELIVERY_STATE_PENDING:     journal.StatePending,
		adminv1.DeliveryState_DELIVERY_STATE_DONE:        journal.StateDone,
		adminv1.DeliveryState_DELIVERY_STATE_DEAD:        journal.StateDead,
		adminv1.DeliveryState_DELIVERY_STATE_DROPPED:     journal.StateDropped,
	}
)

// named returns the enum value of a state.
func named[E comparable](states map[E]journal.State, s journal.State) (unspecified E) {
	for e, state := range states {
		if state == s {
			return e
		}
	}
	return unspecified
}

// eventFilter is an EventFilter that was checked. Its query has no page.
type eventFilter struct {
	query journal.EventQuery
	// match is nil when there is no expression.
	match Condition
}

func (s *Service) eventFilter(f *adminv1.EventFilter) (eventFilter, error) {
	if err := checkKnown(f); err != nil {
		return eventFilter{}, err
	}
	state, ok := eventStates[f.GetState()]
	if !ok {
		return eventFilter{}, invalid("filter.state %d is not a state of an event", f.GetState())
	}
	span, err := spanOf(f.GetSince(), f.GetUntil())
	if err != nil {
		return eventFilter{}, err
	}
	match, err := s.condition(f.GetMatch())
	return eventFilter{match: match, query: journal.EventQuery{
		Source: f.GetSource(), State: state, Rule: f.GetRule(), Plugin: f.GetPlugin(), TypePrefix: f.GetTypePrefix(), Span: span,
	}}, err
}

// holds reports whether the filter selects an event, which has its deliveries.
func (f *eventFilter) holds(e *journal.EventRecord) bool {
	q := &f.query
	if !equal(q.Source, e.Source) || !equal(q.State, e.State) || !strings.HasPrefix(e.Type, q.TypePrefix) || !within(q.Span, e.Received) {
		return false
	}
	if q.Rule != "" || q.Plugin != "" {
		found := false
		for i := range e.Deliveries {
			found = found || equal(q.Rule, e.Deliveries[i].Rule) && equal(q.Plugin, e.Deliveries[i].Plugin)
		}
		if !found {
			return false
		}
	}
	return matches(f.match, e)
}

// matches reports whether an expression holds, if there is one. One that cannot be evaluated for an event does not.
func matches(c Condition, e *journal.EventRecord) bool {
	if c == nil {
		return true
	}
	holds, err := c(e.Source, e.Envelope)
	return err == nil && holds
}

// deliveryFilter is a DeliveryFilter that was checked. Its query has no page.
type deliveryFilter struct {
	ids   []string
	query journal.DeliveryQuery
	match Condition
}

func (s *Service) deliveryFilter(f *adminv1.DeliveryFilter) (deliveryFilter, error) {
	if err := checkKnown(f); err != nil {
		return deliveryFilter{}, err
	}
	state, ok := deliveryStates[f.GetState()]
	if !ok {
		return deliveryFilter{}, invalid("filter.state %d is not a state of a delivery", f.GetState())
	}
	if n := len(f.GetIds()); n > maxPage {
		return deliveryFilter{}, invalid("filter.ids has %d ids: %d are allowed", n, maxPage)
	}
	span, err := spanOf(f.GetSince(), f.GetUntil())
	if err != nil {
		return deliveryFilter{}, err
	}
	match, err := s.condition(f.GetMatch())
	return deliveryFilter{ids: f.GetIds(), match: match, query: journal.DeliveryQuery{
		Plugin: f.GetPlugin(), Rule: f.GetRule(), Source: f.GetSource(), State: state, Reason: f.GetReason(), Span: span,
	}}, err
}

// holds reports whether the filter, apart from its ids and expression, selects a delivery.
func (f *deliveryFilter) holds(d *journal.DeliveryRecord) bool {
	q := &f.query
	if q.Reason != "" && (d.State != journal.StateDead || d.Reason != q.Reason) {
		return false
	}
	return equal(q.Plugin, d.Plugin) && equal(q.Rule, d.Rule) && equal(q.Source, d.Source) && equal(q.State, d.State) && within(q.Span, d.Received)
}

// condition compiles the expression of a filter.
func (s *Service) condition(expression string) (Condition, error) {
	switch {
	case expression == "":
		return nil, nil
	case len(expression) > maxMatchBytes:
		return nil, invalid("filter.match has %d bytes: %d are allowed", len(expression), maxMatchBytes)
	case s.Router == nil:
		return nil, notRunning()
	}
	return s.Router.Condition(expression)
}

func spanOf(since, until *timestamppb.Timestamp) (span journal.Span, err error) {
	if span.Since, err = timeOf("filter.since", since); err != nil {
		return span, err
	}
	span.Until, err = timeOf("filter.until", until)
	return span, err
}

// The journal counts nanoseconds since 1970 in 64 bits, and the zero time is no bound. Bounds beyond these select the same events.
var (
	firstTime = time.Unix(0, 0)
	lastTime  = time.Unix(0, math.MaxInt64)
)

// timeOf returns a bound of a span, and the zero time if there is none.
func timeOf(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, invalid("%s is no time: %w", field, err)
	}
	bound := t.AsTime()
	switch {
	case bound.Before(firstTime):
		bound = firstTime
	case bound.After(lastTime):
		bound = lastTime
	}
	return bound, nil
}

// equal reports whether a field of a filter selects a value. An empty one selects all.
func equal[T ~string](want, got T) bool { return want == "" || want == got }

func within(s journal.Span, t time.Time) bool {
	return (s.Since.IsZero() || !t.Before(s.Since)) && (s.Until.IsZero() || t.Before(s.Until))
}

// selectsAll reports whether a filter has no field set, apart from those named.
func selectsAll(filter proto.Message, apart ...protoreflect.Name) bool {
	all := true
	filter.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		all = all && slices.Contains(apart, f.Name())
		return all
	})
	return all
}

// checkKnown refuses a filter of a later version: without a field that it has, it would select more than is meant.
func checkKnown(filter proto.Message) error {
	if len(filter.ProtoReflect().GetUnknown()) > 0 {
		return invalid("filter has a field that this version does not know: use the version of the router")
	}
	return nil
}
