// The program pointsman-plugin-room-broadcast sends messages to the WebSocket connections in a room.
package main

import "github.com/pointsman/pointsman/plugins/sdk"

// version is set by the linker, as the router's is.
var version string

func main() { sdk.Serve(newPlugin()) }

// maxInFlight bounds the concurrent broadcasts, and with them the calls of API Gateway.
const maxInFlight = 16

func newPlugin() sdk.Plugin[settings, arguments] {
	return sdk.Plugin[settings, arguments]{
		Name:        "room-broadcast",
		Version:     version,
		Doc:         "Sends a text, JSON or bytes to the WebSocket connections in a room, of a source of Pointsman or of an Amazon API Gateway.",
		New:         start,
		Check:       check,
		MaxInFlight: maxInFlight,
	}
}
