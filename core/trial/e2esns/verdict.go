package e2esns

import (
	"errors"
	"fmt"
	"strings"
)

// maxRefused is how often Slack may refuse a message because of its rate limit.
const maxRefused = 3

// verdict is the result of all steps.
type verdict struct {
	confirmed   bool
	first       string // as received by Slack
	burst       arrival
	refused     int // by Slack, until the end of the burst
	killed      arrival
	hostile     int      // bodies with the certificate at another host
	counted     int      // in the router's metrics
	believed    []string // URLs with a response other than 403
	connections int      // that the router opened
	dead        int
}

// arrival counts the published messages that are in Slack.
type arrival struct {
	of, arrived, again int
	ordered            bool
}

func (a arrival) String() string {
	order := "in order"
	if !a.ordered {
		order = "not in order"
	}
	return fmt.Sprintf("%d of %d arrived, %d again, %s", a.arrived, a.of, a.again, order)
}

func (v verdict) String() string {
	return fmt.Sprintf(`subscription: confirmed %v
first:        as expected %v
burst:        %s; refused by Slack: %d
hostile:      %d certificate URLs, %d refused for it, %d connections opened
killed twice: %s
dead letters: %d`, v.confirmed, v.first == firstPosted, v.burst, v.refused, v.hostile, v.counted, v.connections, v.killed, v.dead)
}

// complaint returns the failed checks. After a kill a message may arrive twice and out of order.
func (v verdict) complaint() error {
	var broken []error
	promise := func(kept bool, format string, args ...any) {
		if !kept {
			broken = append(broken, fmt.Errorf(format, args...))
		}
	}
	promise(v.confirmed, "the subscription is not confirmed")
	promise(v.first == firstPosted, "the first message is in Slack as %q", v.first)
	promise(v.burst == arrival{of: v.burst.of, arrived: v.burst.of, ordered: true} && v.burst.of > 0, "the burst: %s", v.burst)
	promise(v.refused <= maxRefused, "Slack had to refuse %d requests, more than %d", v.refused, maxRefused)
	promise(v.hostile >= 25 && v.counted == v.hostile && len(v.believed) == 0, "of %d hostile URLs %d were refused for it; not: %s",
		v.hostile, v.counted, strings.Join(v.believed, ", "))
	promise(v.connections == 0, "the router opened %d connections to hostile URLs", v.connections)
	promise(v.killed.arrived == v.killed.of && v.killed.of > 0, "after the kills: %s", v.killed)
	promise(v.dead == 0, "%d dead letters", v.dead)
	return errors.Join(broken...)
}
