package pluginhost

import (
	"errors"
	"fmt"
	"strings"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Reasons why a plugin does not start, to be found in a StartError with errors.Is.
var (
	// ErrMissing means that there is no program at the path.
	ErrMissing = errors.New("no such program")
	// ErrNotExecutable means that the file cannot be executed: a folder, no x bit, another architecture.
	ErrNotExecutable = errors.New("not executable")
	// ErrChecksum means that the program is not the pinned one, or that others could swap it unnoticed.
	ErrChecksum = errors.New("pinned program refused")
	// ErrExited means that the process ended before it was ready.
	ErrExited = errors.New("exited")
	// ErrHandshake means that standard output began with something other than go-plugin's handshake line.
	ErrHandshake = errors.New("bad handshake")
	// ErrVersion means that the plugin speaks another protocol version.
	ErrVersion = errors.New("other protocol version")
	// ErrTimeout means that the plugin did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrContract means that the plugin does something the protocol does not allow.
	ErrContract = errors.New("broken contract")
)

// ErrStopped is returned by a Plugin that is stopping or stopped, and by a Session that was closed.
var ErrStopped = errors.New("plugin is stopped")

// StartError says why a plugin did not start. The process, if there was one, is gone.
type StartError struct {
	Plugin, Path string
	// Reason is one of the Err values of this package, or nil.
	Reason error
	// Detail is the reason in words, with what to do about it.
	Detail string
	// Output is the end of what the process wrote to standard error, cut for reading.
	Output string
}

// Error names the plugin, the file and the reason, and quotes the plugin's last output.
func (e *StartError) Error() string {
	return fmt.Sprintf("plugin %q: %s%s", e.Plugin, e.Detail, quoteOutput(e.Output))
}

// Unwrap returns the Reason.
func (e *StartError) Unwrap() error { return e.Reason }

// ConfigError means that the plugin refused its settings. The process is gone.
type ConfigError struct {
	Plugin string
	// Diagnostics has everything that the plugin answered, with paths into the settings; at least one is of severity ERROR.
	Diagnostics []*pluginv1.Diagnostic
}

// Error lists what the plugin refused, one line each.
func (e *ConfigError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plugin %q refused its settings", e.Plugin)
	for _, d := range e.Diagnostics {
		if d.GetSeverity() != pluginv1.Diagnostic_SEVERITY_ERROR {
			continue
		}
		b.WriteString("\n  ")
		if d.GetPath() != "" {
			b.WriteString(d.GetPath() + ": ")
		}
		b.WriteString(d.GetSummary())
		if d.GetDetail() != "" {
			b.WriteString(": " + d.GetDetail())
		}
	}
	return b.String()
}

// LostError means that the process, or the connection to it, is gone. Deliveries that were sent and not answered have an
// unknown outcome.
type LostError struct {
	Plugin string
	// Reason is the label `reason` of pointsman_plugin_restarts_total, or "stop".
	Reason string
	// Detail is the reason in words.
	Detail string
	// Output is the end of what the process wrote to standard error, or its panic, cut for reading.
	Output string
}

// Error names the plugin and what happened, and quotes the plugin's last output.
func (e *LostError) Error() string {
	return fmt.Sprintf("plugin %q: %s%s", e.Plugin, e.Detail, quoteOutput(e.Output))
}

// Crashed reports whether the process failed by itself, so that a delivery in flight may be the cause: it exited, broke its
// connection or stopped answering. It is false when the router ended the process.
func (e *LostError) Crashed() bool {
	switch e.Reason {
	case reasonExit, reasonStream, reasonHealth:
		return true
	}
	return false
}

// quoteOutput appends a plugin's last output to an error, indented.
func quoteOutput(s string) string {
	if s == "" {
		return ""
	}
	return "; it wrote:\n  " + strings.ReplaceAll(s, "\n", "\n  ")
}
