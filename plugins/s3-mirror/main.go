// The program pointsman-plugin-s3-mirror copies changed objects from one bucket to another as events arrive.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight is more than any sensible concurrency, because deliveries that wait for a lock, or that an earlier copy covers, must
// not keep transfers from starting.
const maxInFlight = 64

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "s3-mirror",
		Version:     version,
		Doc:         "Copies changed objects from one bucket to another as events arrive.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
		Commands:    []sdk.Command{reconcileCommand()},
	}
}
