package rule

import (
	"bytes"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/journal"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Delivery is the result of one dispatch block for one event.
type Delivery struct {
	Rule, Plugin string
	// Arguments is a JSON object that satisfies the plugin's schema, defaults filled in. Nil when Err is set.
	Arguments []byte
	// OrderKey is empty when order does not matter.
	OrderKey string
	// Policy is shared by all deliveries of the dispatch block: read only.
	Policy *journal.Policy
	// Sensitive names the arguments that the plugin's schema marks as such, as journal.NewDelivery has them.
	Sensitive string
	// Shadow is set for a delivery of a shadow rule, which is counted and never sent.
	Shadow bool
	// Err is the failure of an expression, with file, line and expression. When `when` fails, each dispatch block of the rule
	// has a delivery with the same Err.
	Err error
}

// Set is the compiled rules of a configuration. It is immutable.
type Set struct {
	config  *config.Config
	sources map[string]*sourceRules
	// valid are the rules without errors, also those that are not enabled.
	valid []*config.Rule
}

// sourceRules are the rules that have one source in `on`.
type sourceRules struct {
	event *eventType
	all   []*program // in the order they are written
	index *index
	// fallback is set when a rule of all is a fallback rule.
	fallback bool
}

// program is one rule, compiled for one kind of source.
type program struct {
	order int
	rule  string
	kind  string // of the events
	block *config.Rule
	// shadow, fallback and sample are the block's, where Match finds them faster.
	shadow, fallback bool
	sample           float64
	when             func(*frame) bool
	whenAt           *position
	guards           []guard
	dispatches       []*dispatch
}

// dispatch is one dispatch block.
type dispatch struct {
	plugin    string
	at        *position
	policy    *journal.Policy
	sensitive string
	arguments appender
	orderKey  func(*frame) string // nil: no order
}

// MaxArguments limits the arguments of one delivery, in bytes: event and arguments must fit into one message to a plugin.
const MaxArguments = 2 << 20

// Match returns the deliveries that an envelope causes, in the order that rules and dispatch blocks are written, fallback rules
// after all others. Those of shadow rules are among them. It may be called concurrently. The result does not refer to env.
func (s *Set) Match(env *pointsmanv1.Envelope) []Delivery {
	rules := s.sources[env.GetSource()]
	if rules == nil {
		return nil
	}
	f := newFrame(env, rules.event)
	defer f.release()
	return rules.match(f, rules.candidates(f))
}

// match evaluates candidates: the fallback rules only if no other rule takes the event.
func (r *sourceRules) match(f *frame, candidates []*program) (out []Delivery) {
	f.takenBy = nil
	for _, p := range candidates {
		if !p.fallback {
			out = p.match(f, out)
		}
	}
	if !r.fallback || f.takenBy != nil {
		return out
	}
	for _, p := range candidates {
		if p.fallback {
			out = p.match(f, out)
		}
	}
	return out
}

// match adds the deliveries of one rule. A rule that matched or failed takes the event also if its sample leaves the event out: a
// sample says of how many events one wants to hear, not which events are for somebody else. A failure of an event that is left
// out stays without consequence, as its match would.
func (p *program) match(f *frame, out []Delivery) []Delivery {
	f.begin()
	matched := p.when(f)
	if f.err == nil && !matched {
		return out
	}
	if f.takenBy == nil && !p.shadow && !p.fallback {
		f.takenBy = p
	}
	if !p.takes(f.env) {
		return out
	}
	if f.err != nil {
		err := f.failureAt(p.whenAt)
		for _, d := range p.dispatches {
			failed := d.blank(p)
			failed.Err = err
			out = append(out, failed)
		}
		return out
	}
	for _, d := range p.dispatches {
		out = append(out, d.delivery(f, p))
	}
	return out
}

// blank is a delivery with what does not depend on the event.
func (d *dispatch) blank(p *program) Delivery {
	return Delivery{Rule: p.rule, Plugin: d.plugin, Policy: d.policy, Sensitive: d.sensitive, Shadow: p.shadow}
}

func (d *dispatch) delivery(f *frame, p *program) Delivery {
	f.begin()
	out := d.blank(p)
	f.arguments = d.arguments(f, f.arguments[:0])
	if d.orderKey != nil {
		out.OrderKey = d.orderKey(f)
	}
	if n := len(f.arguments); n > MaxArguments {
		f.fail(d.at, "the arguments are %d bytes of JSON, and may be %d", n, MaxArguments)
	}
	if f.err != nil {
		out.OrderKey, out.Err = "", f.failureAt(d.at)
		return out
	}
	out.Arguments = bytes.Clone(f.arguments)
	return out
}

// failureAt returns the first failure. at is its position if it has none.
func (f *frame) failureAt(at *position) error {
	if f.err.at == nil {
		f.err.at = at
	}
	return f.err
}
