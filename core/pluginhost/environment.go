package pluginhost

import (
	"os"
	"slices"
	"strings"
)

// passed are the variables of the router's environment that every plugin gets. Nothing else: the environment is where
// people keep secrets.
var passed = []string{
	"PATH", "HOME", "TZ", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// environment returns the part of environ that a plugin gets: the passed ones, LC_*, and those named in extra. Names that
// steer the handshake are never let through.
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
