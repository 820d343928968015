// The program pointsman-plugin-s3-mirror keeps a bucket equal to another one, object by object, as events come.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight is more than any sensible concurrency: deliveries that wait for their turn, or that turn out to be covered by
// one before them, must not keep transfers idle.
const maxInFlight = 64

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "s3-mirror",
		Version:     version,
		Doc:         "Keeps a bucket equal to another one, object by object, as events come.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
		Commands:    []sdk.Command{reconcileCommand()},
	}
}
