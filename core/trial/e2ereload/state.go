package e2ereload

import (
	"fmt"
	"strings"
)

// state is a configuration that the router can be in.
type state struct {
	// rules is which of the rule sets is in force.
	rules string
	// program is the version of the binary of the plugin ops, and block that of its block.
	program, block int
	// extra is whether the source called extra exists.
	extra bool
}

var first = state{rules: "a", program: 1, block: 1}

const (
	intdashSource   = "lab"
	websocketSource = "chat"
	extraSource     = "extra"
)

// sources are those that exist.
func (s state) sources() []string {
	if s.extra {
		return []string{intdashSource, websocketSource, extraSource}
	}
	return []string{intdashSource, websocketSource}
}

// lasting does not change. The plugin steady has a binary of its own.
const lasting = `
source "intdash" "lab" {
  path    = "/hooks/lab"
  secrets = [env("TRIAL_SECRET")]
}

source "websocket" "chat" {
  path = "/ws"
  limits {
    connection_rate  = 1000
    connection_burst = 1000
  }
}

plugin "noop" "steady" {
  path = "DIR/pointsman-plugin-steady"
  settings { record = "DIR/steady.txt" }
}
`

const extraBlock = `
source "intdash" "extra" {
  path    = "/hooks/extra"
  secrets = [env("TRIAL_SECRET")]
}
`

// plugins are the versions of the block of ops: the second one differs in what concerns the router and in what concerns the plugin.
var plugins = map[int]string{
	1: `
plugin "noop" "ops" {
  path = "DIR/pointsman-plugin-ops"
  settings { record = "DIR/ops.txt" }
}
`,
	2: `
plugin "noop" "ops" {
  path        = "DIR/pointsman-plugin-ops"
  concurrency = 200
  settings {
    record = "DIR/ops.txt"
    token  = "a-setting-of-the-second-version"
  }
}
`,
}

// rule is a rule for one source. Its name says which set it belongs to, and so does the text that it sends.
type rule struct{ set, source, text, dispatches string }

const (
	eventID     = "${event.id}"
	messageText = "${event.data.body.data}"
)

// rules are those of both sets, in the order of the file. The second set differs in everything: names, order, arguments, plugins,
// and an order of deliveries.
var rules = []rule{
	{"a", intdashSource, eventID, `dispatch "ops" { text = TEXT }`},
	{"a", websocketSource, messageText, `dispatch "ops" { text = TEXT }`},
	{"a", extraSource, eventID, `dispatch "ops" { text = TEXT }`},
	{"b", extraSource, eventID, `dispatch "steady" { text = TEXT }`},
	{"b", websocketSource, messageText, `dispatch "steady" { text = TEXT }`},
	{"b", intdashSource, eventID, `dispatch "ops" {
    text     = TEXT
    order_by = event.data.project_uuid
  }
  dispatch "steady" { text = TEXT }`},
}

func (r rule) name() string { return r.set + "-" + r.source }

func (r rule) String() string {
	when := "true"
	if r.source == websocketSource {
		when = `event.data.event_type == "message"`
	}
	return fmt.Sprintf("\nrule %q {\n  on   = [%q]\n  when = %s\n  %s\n}\n", r.name(), r.source, when,
		strings.ReplaceAll(r.dispatches, "TEXT", fmt.Sprintf("%q", r.set+" "+r.text)))
}

// made is what the rules of a set make of one event of a source, a sorted list of "<rule> <plugin>".
func made(set, source string) []string {
	switch set {
	case "a":
		return []string{"a-" + source + " ops"}
	case "b":
		if source == intdashSource {
			return []string{"b-lab ops", "b-lab steady"}
		}
		return []string{"b-" + source + " steady"}
	}
	return nil
}

// text is the configuration, for files in dir.
func (s state) text(dir string) string {
	var b strings.Builder
	b.WriteString(lasting + plugins[s.block])
	if s.extra {
		b.WriteString(extraBlock)
	}
	for _, r := range rules {
		if r.set == s.rules && (s.extra || r.source != extraSource) {
			b.WriteString(r.String())
		}
	}
	return expand(b.String(), dir)
}

// expand inserts the folder of the trial's files.
func expand(text, dir string) string { return strings.ReplaceAll(text, "DIR", dir) }
