// Command pointsman-plugin-slack posts messages to Slack.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight limits the deliveries that wait here for their turn or in a digest, and thereby the events of one digest. More stay
// in the router's journal.
const maxInFlight = 1024

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "slack",
		Version:     version,
		Doc:         "Posts messages to Slack, by an incoming webhook or by chat.postMessage.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
	}
}
