package pluginhost

import (
	"os"
	"slices"
	"strings"
)

// passed are the variables of the router's environment that every plugin gets. It gets no others unless its block names
// them, because people keep secrets in the environment.
var passed = []string{
	"PATH", "HOME", "TZ", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// environment returns the part of environ that a plugin gets: the passed ones, LC_*, and those named in extra, but never
// the variables that control the handshake.
func environment(environ, extra []string) []string {
	var env []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "PLUGIN_") || strings.HasPrefix(name, "POINTSMAN_PLUGIN_") {
			continue
		}
		if strings.HasPrefix(name, "LC_") || slices.Contains(passed, name) || slices.Contains(extra, name) {
			env = append(env, kv)
		}
	}
	return env
}

// hostEnvironment is environment of this process.
func hostEnvironment(extra []string) []string { return environment(os.Environ(), extra) }
