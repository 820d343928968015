// Package handshake holds what a router and a plugin must agree on before they speak the protocol of
// pointsman.plugin.v1: the name of the program, the magic cookie, the environment, and the sizes that both sides keep to.
//
// It has constants and one value, no behaviour. A plugin in another language needs exactly what is written here, plus the
// .proto files.
package handshake

import "github.com/hashicorp/go-plugin"

const (
	// FilePrefix begins the file name of every plugin: "pointsman-plugin-slack" is the kind "slack".
	FilePrefix = "pointsman-plugin-"

	// ProtocolVersion is go-plugin's application protocol version. Version 1 is the package pointsman.plugin.v1; it
	// changes only with that package's name.
	ProtocolVersion = 1

	// PluginSet is the only name in go-plugin's plugin set, to dispense on the router's side.
	PluginSet = "pointsman"

	// CookieKey and CookieValue tell a plugin that a router started it, not a person. They are not secret.
	CookieKey = "POINTSMAN_PLUGIN_COOKIE"
	// CookieValue is the value of CookieKey.
	CookieValue = "6f0d1b0e3c8d4d7a9a8c7f2f4b1e5d90"

	// HealthService is the name that a plugin serves in grpc.health.v1.Health. It is go-plugin's.
	HealthService = plugin.GRPCServiceName
)

// Environment of a plugin process, set by the router. Settings and secrets never travel this way.
const (
	// EnvLogLevel is the lowest level that the plugin should log: "trace", "debug", "info", "warn", "error" or "off".
	// Unset or unknown: "info".
	EnvLogLevel = "POINTSMAN_PLUGIN_LOG_LEVEL"

	// EnvSocketDir is the folder, private to this process, where the plugin makes its socket. It is go-plugin's.
	EnvSocketDir = plugin.EnvUnixSocketDir
)

// ArgDescribe as the only argument makes a plugin print its DescribeResponse on standard output, as JSON with the names
// of the .proto file, and exit with 0. It needs no cookie.
const ArgDescribe = "describe"

// Sizes. Both sides set MaxMessageBytes on their gRPC end: grpc-go's own default refuses to receive more than 4 MiB.
const (
	// MaxMessageBytes limits one gRPC message, in either direction.
	MaxMessageBytes = 64 << 20

	// MaxBatch and MaxBatchBytes end a batch of deliveries or of results, whichever comes first. A batch always holds at
	// least one, so a single delivery may exceed MaxBatchBytes. A sender never waits to fill a batch.
	MaxBatch      = 64
	MaxBatchBytes = 256 << 10

	// DefaultMaxInFlight is Limits.max_in_flight of a plugin that announces none.
	DefaultMaxInFlight = 64

	// MaxLogLine is the longest line on standard error that the router's side reads as one. It is go-plugin's.
	MaxLogLine = 64 << 10
)

// Config is go-plugin's handshake, the same on both sides.
func Config() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: CookieValue,
	}
}
