// Command pointsman-plugin-stats-email sends a mail with the mean and the unbiased variance of an intdash measurement.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight limits the connections to the mail server and the intdash server: one each for every delivery in progress.
const maxInFlight = 8

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "stats-email",
		Version:     version,
		Doc:         "Sends a mail with mean and unbiased variance of an intdash measurement.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
	}
}
