package pluginhost

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// helloError explains what is wrong with the first line of a plugin's standard output.
type helloError struct {
	reason error
	detail string
	silent bool // there was no line
}

func (e *helloError) Error() string { return e.detail }
func (e *helloError) Unwrap() error { return e.reason }

// minCertificate distinguishes a certificate from the placeholder that some servers announce instead. The bound is go-plugin's.
const minCertificate = 50

// parseHello checks the handshake line, "1|<protocol version>|unix|<path>|grpc|<certificate>". go-plugin gets the line only
// if it is valid, because its own errors do not help users, and an unexpected certificate makes it panic (go-plugin v1.8.0,
// loadServerCert without AutoMTLS).
func parseHello(line []byte, tls bool, socketDir string) error {
	bad := func(reason error, format string, args ...any) error {
		return &helloError{reason: reason, detail: fmt.Sprintf(format, args...)}
	}
	text := strings.TrimSpace(string(line))
	parts := strings.Split(text, "|")
	if len(parts) < 5 {
		if text == "" {
			return &helloError{ErrHandshake, "it closed its standard output before the handshake", true}
		}
		return bad(ErrHandshake, "it printed %s where the handshake line was expected: a plugin must print nothing else on standard output", shorten(text))
	}
	core, version, network, addr, protocol := parts[0], parts[1], parts[2], parts[3], parts[4]
	switch {
	case core != strconv.Itoa(plugin.CoreProtocolVersion):
		return bad(ErrVersion, "it speaks version %s of go-plugin's handshake, this router speaks %d", shorten(core), plugin.CoreProtocolVersion)
	case version != strconv.Itoa(handshake.ProtocolVersion):
		return bad(ErrVersion, "it speaks version %s of the plugin protocol, this router speaks %d: use a plugin and a router of matching releases", shorten(version), handshake.ProtocolVersion)
	case protocol != string(plugin.ProtocolGRPC):
		return bad(ErrHandshake, "it speaks %s, and plugins speak grpc", shorten(protocol))
	case network != "unix" || !inDir(addr, socketDir):
		return bad(ErrHandshake, "it listens on %s %s, and must listen on a unix socket in the folder that %s names", network, shorten(addr), handshake.EnvSocketDir)
	}
	certificate := len(parts) > 5 && len(parts[5]) > minCertificate
	switch {
	case tls && !certificate:
		return bad(ErrHandshake, "it does not encrypt its socket: set tls = false in its block")
	case !tls && certificate:
		return bad(ErrHandshake, "it encrypts its socket: set tls = true in its block")
	}
	return nil
}

// shorten quotes text from a plugin for an error, at most 100 bytes of it.
func shorten(s string) string {
	if len(s) > 100 {
		return strconv.Quote(s[:100]) + "..."
	}
	return strconv.Quote(s)
}
