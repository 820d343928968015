// Package pluginhost runs plugin processes: it starts a plugin's program, speaks the protocol of pointsman.plugin.v1 with
// it, restarts it when it dies and stops it in order.
//
// hashicorp/go-plugin does the handshake. This package does everything after that itself, because a plugin may hang, flood
// its output or die at any instant, and must not stall or end the router. Three invariants hold: every wait on a plugin has a
// deadline that ends in SIGKILL of its process group; every byte from it is bounded before it is kept or parsed; and when Run
// has returned, no process and no socket folder of the plugin is left.
package pluginhost

import (
	"log/slog"
	"time"
)

// Spec is what the configuration says about one plugin.
type Spec struct {
	// Name is the name of the `plugin` block, Kind its kind. An empty Kind accepts any.
	Name, Kind string
	// Path is the program. A relative one is relative to the working directory; PATH is never searched.
	Path string
	// SHA256 pins the program: hexadecimal, or empty.
	SHA256 string
	// Settings is a JSON object that satisfies the plugin's settings schema, secrets included.
	Settings []byte
	// Concurrency caps the deliveries in flight; 0 means as many as the plugin announces.
	Concurrency int
	// Env names variables of the router's environment that the process gets besides the few that every plugin gets.
	Env []string
	// TLS encrypts the socket with certificates made for this process alone. The plugin must support go-plugin's AutoMTLS.
	TLS bool
	// DataDir is the plugin's own folder, made when it is missing. Empty: the plugin gets none.
	DataDir string
}

// Options of a Plugin, which it shares with the other plugins of the router.
type Options struct {
	// Log receives the host's messages about the plugin and the plugin's own log.
	Log *slog.Logger
	// Metrics may be nil.
	Metrics *Metrics
	// SocketDir is where each process gets a private folder for its socket. Empty: $RUNTIME_DIRECTORY, or else the folder for
	// temporary files.
	SocketDir string
}

// timing holds every duration of the package, so that tests can shorten them.
type timing struct {
	start     time.Duration // from exec to the answer of Describe
	configure time.Duration
	drain     time.Duration // for the plugin to finish what it has
	leave     time.Duration // from the request to exit until SIGKILL
	exit      time.Duration // for a process whose connection broke to exit by itself, so that its status is known
	health    time.Duration // between two checks, and the deadline of each
	misses    int           // failed checks in a row that end the process
}

var defaultTiming = timing{
	start:     10 * time.Second,
	configure: 30 * time.Second,
	drain:     10 * time.Second,
	leave:     2 * time.Second,
	exit:      500 * time.Millisecond,
	health:    5 * time.Second,
	misses:    3,
}
