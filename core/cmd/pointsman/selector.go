package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// selector holds the flags that select events or deliveries. A command registers those that it has.
type selector struct {
	source, state, rule, plugin, reason, kind, since, until, match string
	all                                                            bool
}

// register adds the named flags to a command.
func (l *selector) register(cmd *cobra.Command, c *clientFlags, names ...string) {
	flags := cmd.Flags()
	for _, name := range names {
		switch name {
		case "source":
			flags.StringVar(&l.source, name, "", "only of this source")
		case "state":
			flags.StringVar(&l.state, name, "", "only in this state: "+strings.Join(eventStates, ", "))
		case "rule":
			flags.StringVar(&l.rule, name, "", "only with a delivery by this rule")
		case "plugin":
			flags.StringVar(&l.plugin, name, "", "only with a delivery to this plugin")
		case "reason":
			flags.StringVar(&l.reason, name, "", "only dead for this reason: "+strings.Join(deadReasons, ", "))
		case "type":
			flags.StringVar(&l.kind, name, "", "only events whose type starts with this")
		case "since":
			flags.StringVar(&l.since, name, "", "only events received since: how long ago (2h, 7d), or a time (RFC 3339)")
		case "until":
			flags.StringVar(&l.until, name, "", "only events received before: how long ago, or a time")
		case "match":
			flags.StringVar(&l.match, name, "", `only events for which this expression of the rule language holds, such as 'event.data.action == "completed"'`)
		case "all":
			flags.BoolVar(&l.all, name, false, "select all of them")
		}
		c.completeFlag(cmd, name)
	}
}

const (
	// ruleError is the reason of a dead letter whose rule failed: it has no arguments, so that it cannot be retried.
	ruleError = "rule_error"
	// readyState and notConfigured are states of plugins.
	readyState    = "ready"
	notConfigured = "not-configured"
)

// eventStates and deadReasons are the values of --state and --reason.
var (
	eventStates = []string{"pending", "done", "dead", "unmatched", "quarantined"}
	deadReasons = []string{"rejected", "retries_exhausted", "max_age", "poison", "bad_result", ruleError}
)

// given reports whether the flags select anything in particular.
func (l *selector) given() bool { return *l != selector{all: l.all} }

// eventFilter is the selection of events.
func (l *selector) eventFilter(now time.Time) (*adminv1.EventFilter, error) {
	since, until, err := l.period(now)
	if err != nil {
		return nil, err
	}
	if l.state != "" && !slices.Contains(eventStates, l.state) {
		return nil, usageError(fmt.Errorf("--state %q: want %s", l.state, strings.Join(eventStates, ", ")))
	}
	return &adminv1.EventFilter{
		Source: l.source, Rule: l.rule, Plugin: l.plugin, TypePrefix: l.kind, Match: l.match, Since: since, Until: until,
		State: adminv1.EventState(adminv1.EventState_value["EVENT_STATE_"+strings.ToUpper(l.state)]),
	}, nil
}

// deadFilter is the selection of dead letters.
func (l *selector) deadFilter(ids []string, now time.Time) (*adminv1.DeliveryFilter, error) {
	since, until, err := l.period(now)
	if err != nil {
		return nil, err
	}
	if l.reason != "" && !slices.Contains(deadReasons, l.reason) {
		return nil, usageError(fmt.Errorf("--reason %q: want %s", l.reason, strings.Join(deadReasons, ", ")))
	}
	return &adminv1.DeliveryFilter{
		Ids: ids, Source: l.source, Rule: l.rule, Plugin: l.plugin, Reason: l.reason, Match: l.match, Since: since, Until: until,
		State: adminv1.DeliveryState_DELIVERY_STATE_DEAD,
	}, nil
}

// String describes what is selected, to follow a noun: " of plugin ops, received since 2h". It is empty for everything.
func (l *selector) String() string {
	var parts []string
	for _, p := range []struct{ words, value string }{
		{"of plugin ", l.plugin},
		{"of rule ", l.rule},
		{"of source ", l.source},
		{"in state ", l.state},
		{"of type ", l.kind},
		{"with reason ", l.reason},
		{"since ", l.since},
		{"until ", l.until},
		{"matching ", l.match},
	} {
		if p.value != "" {
			parts = append(parts, p.words+p.value)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + printable(strings.Join(parts, ", "))
}

func (l *selector) period(now time.Time) (since, until *timestamppb.Timestamp, err error) {
	if since, err = parseTime("since", l.since, now); err != nil {
		return nil, nil, err
	}
	if until, err = parseTime("until", l.until, now); err != nil {
		return nil, nil, err
	}
	if since != nil && until != nil && !since.AsTime().Before(until.AsTime()) {
		return nil, nil, usageError(errors.New("--since is not before --until: nothing can match"))
	}
	return since, until, nil
}

// word is an enum's value as people write it: DELIVERY_STATE_DEAD is "dead".
func word(value, prefix string) string { return strings.ToLower(strings.TrimPrefix(value, prefix)) }

func eventState(s adminv1.EventState) string { return word(s.String(), "EVENT_STATE_") }

func deliveryState(s adminv1.DeliveryState) string { return word(s.String(), "DELIVERY_STATE_") }
