// The program pointsman-plugin-room-broadcast says something to the WebSocket connections in a room.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight bounds the rooms that are spoken to at the same time, and with it the calls of API Gateway.
const maxInFlight = 16

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "room-broadcast",
		Version:     version,
		Doc:         "Says a text or JSON to the WebSocket connections in a room: to those of a source of Pointsman, or to those of Amazon API Gateway.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
	}
}
