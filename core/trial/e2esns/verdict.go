package e2esns

import (
	"errors"
	"fmt"
	"strings"
)

// maxRefused is how often Slack may have to say that a message came too fast.
const maxRefused = 3

// verdict is what came of it all.
type verdict struct {
	confirmed bool
	first     string // as Slack got it
	burst     arrival
	refused   int // by Slack, until the end of the burst
	killed    arrival
	hostile   int      // bodies with a certificate elsewhere
	counted   int      // by the router as such
	believed  []string // those not answered 403
	visits    int      // connections that the router made
	dead      int
}

// arrival is how many of the published messages are in Slack.
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
burst:        %s; refused by Slack as too fast: %d
hostile:      %d certificate URLs, %d refused for it, %d connections made
killed twice: %s
dead letters: %d`, v.confirmed, v.first == firstPosted, v.burst, v.refused, v.hostile, v.counted, v.visits, v.killed, v.dead)
}

// complaint returns the broken promises. After a kill a message may come again, and then not in its place.
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
	promise(v.visits == 0, "the router made %d connections to where strangers wanted it to", v.visits)
	promise(v.killed.arrived == v.killed.of && v.killed.of > 0, "after the kills: %s", v.killed)
	promise(v.dead == 0, "%d dead letters", v.dead)
	return errors.Join(broken...)
}
