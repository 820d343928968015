package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// decodeServer reads the singleton blocks.
func (l *loader) decodeServer(by map[string][]*hclsyntax.Block) {
	server := l.single(by, "server", serverSchema)
	l.cfg.Server = Server{
		Listen:      l.listen(server),
		MaxRequests: int(l.whole(server, "max_requests", 1, 1e6)),
		TLS:         l.tls(server),
	}
	l.proxies(server)
	l.decodeAdmin(l.single(by, "admin", adminSchema))
	journal := l.single(by, "journal", journalSchema)
	l.cfg.Journal = Journal{
		Path:         l.filled(journal, "path"),
		MaxBytes:     l.size(journal, "max_bytes"),
		Retention:    journal.duration("retention"),
		DedupeWindow: l.positive(journal, "dedupe_window"),
	}
	l.cfg.PluginsDir = l.filled(l.single(by, "plugins", pluginsSchema), "dir")
}

func (l *loader) decodeAdmin(admin *object) {
	l.cfg.Admin = Admin{Listen: l.listen(admin), Tokens: l.tokens(admin)}
	if _, set := admin.fields["socket"]; set {
		l.cfg.Admin.Socket = l.filled(admin, "socket")
	}
	a, rng := l.cfg.Admin.Listen, admin.fields["listen"].rng
	if a != "" && !loopback(a) {
		visible := "Anyone who can connect can read health and metrics."
		if len(l.cfg.Admin.Tokens) > 0 {
			visible += " The admin API needs a token, which travels in clear text."
		}
		l.warn(rng, "Admin interface open to the network", visible+" Listen on a loopback address such as 127.0.0.1:8081, or put a TLS proxy in front.")
	}
	if s := l.cfg.Server.Listen; a != "" && a == s && portOf(a) != "0" {
		l.error(rng, "Address used twice", fmt.Sprintf("server and admin both listen on %s.", a))
	}
}

// tokens reads admin.tokens and warns of weak ones. An empty one admits nobody; if all are, that is an error.
func (l *loader) tokens(admin *object) Tokens {
	const minLen = 24 // bytes; shorter tokens can be guessed
	tokens, rng := admin.texts("tokens"), admin.fields["tokens"].rng
	empty := 0
	for i, text := range tokens {
		switch n := len(text); {
		case n == 0:
			empty++
			l.warn(rng, "Empty token", fmt.Sprintf("tokens[%d] is empty and ignored: check that its environment variable is set.", i))
		case n < minLen:
			l.warn(rng, "Weak token", fmt.Sprintf("tokens[%d] is %d bytes long; use at least %d.", i, n, minLen))
		}
	}
	if empty == len(tokens) && empty > 0 {
		l.error(rng, "Invalid value", "tokens: every token is empty: check that the environment variables are set.")
		return nil
	}
	return tokens
}

// proxies reads which reverse proxies are trusted.
func (l *loader) proxies(server *object) {
	rng := server.fields["trusted_proxies"].rng
	for i, text := range server.texts("trusted_proxies") {
		network, err := parseNetwork(text)
		if err != nil {
			l.error(rng, "Invalid value", fmt.Sprintf(`trusted_proxies[%d]: %q is not a network: write it as "10.0.0.0/8" or "10.0.0.1".`, i, text))
			continue
		}
		if network.Bits() == 0 {
			l.warn(rng, "Every client is trusted", fmt.Sprintf("trusted_proxies[%d] contains all addresses, so any client can claim to be another one.", i))
		}
		l.cfg.Server.TrustedProxies = append(l.cfg.Server.TrustedProxies, network)
	}
	if on := server.boolean("proxy_protocol"); on != nil && *on {
		if _, set := server.fields["trusted_proxies"]; !set {
			l.error(server.fields["proxy_protocol"].rng, "Missing attribute", "proxy_protocol needs trusted_proxies: only their connections begin with a header.")
		}
		l.cfg.Server.ProxyProtocol = true
	}
}

// parseNetwork parses a network in CIDR notation or a single address. IPv4 networks written as IPv6 become IPv4, like the
// addresses that are compared with them.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if a := network.Addr(); err == nil && a.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
	}
	return network.Masked(), err
}

// tls returns the settings of the block tls, nil when it is absent or invalid.
func (l *loader) tls(server *object) *TLS {
	blocks := server.blocks["tls"]
	if len(blocks) == 0 {
		return nil
	}
	o := blocks[0]
	t := &TLS{CertFile: o.text("cert_file"), KeyFile: o.text("key_file")}
	t.MinVersion = parsed(l, o, "min_version", func(s string) (uint16, error) {
		version, ok := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[s]
		if !ok {
			return 0, errors.New(`want "1.2" or "1.3"`)
		}
		return version, nil
	})
	if t.CertFile == "" || t.KeyFile == "" {
		return nil // reported as missing
	}
	rng := o.fields["cert_file"].rng
	switch _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); {
	case l.options.Offline && notHere(err):
		l.warnMissing(rng, missing{summary: "Unusable certificate", detail: fmt.Sprintf("Certificate and key cannot be used: %v.", err)})
	case err != nil:
		l.error(rng, "Unusable certificate", fmt.Sprintf("Certificate and key cannot be used: %v.", err))
		return nil
	}
	return t
}

// single decodes a block that may be absent: it then has its defaults.
func (l *loader) single(by map[string][]*hclsyntax.Block, name string, s *pluginv1.Schema) *object {
	body, rng := &hclsyntax.Body{}, hcl.Range{}
	if blocks := by[name]; len(blocks) > 0 {
		body, rng = blocks[0].Body, blocks[0].DefRange()
	}
	secret := slices.ContainsFunc(s.GetAttributes(), (*pluginv1.Attribute).GetSensitive)
	o, _ := l.object(body, s, decoding{what: fmt.Sprintf("The block %q", name), own: !secret, rng: rng})
	return o
}

func (l *loader) listen(o *object) string {
	return parsed(l, o, "listen", func(s string) (string, error) { return s, checkListen(s) })
}

func (l *loader) size(o *object, name string) int64 {
	return parsed(l, o, name, func(s string) (int64, error) {
		n, err := ParseSize(s)
		if err == nil && n == 0 {
			err = fmt.Errorf("a size must be more than 0")
		}
		return n, err
	})
}

// filled is a string that must not be empty.
func (l *loader) filled(o *object, name string) string {
	return parsed(l, o, name, func(s string) (string, error) {
		if s == "" {
			return "", fmt.Errorf("it must not be empty")
		}
		return s, nil
	})
}

// positive is a duration that must not be 0.
func (l *loader) positive(o *object, name string) time.Duration {
	d := o.duration(name)
	if f, ok := o.fields[name]; ok && d <= 0 {
		l.error(f.rng, "Invalid value", fmt.Sprintf("%q must be more than 0.", name))
	}
	return d
}

func portOf(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	return port
}
