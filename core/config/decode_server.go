package config

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// decodeServer reads the blocks that exist once.
func (l *loader) decodeServer(by map[string][]*hclsyntax.Block) {
	server := l.single(by, "server", serverSchema)
	l.cfg.Server = Server{
		Listen:      l.listen(server),
		MaxRequests: int(l.whole(server, "max_requests", 1, 1e6)),
	}
	admin := l.single(by, "admin", adminSchema)
	l.cfg.Admin = Admin{Listen: l.listen(admin)}
	if a := l.cfg.Admin.Listen; a != "" && !loopback(a) {
		l.warn(admin.fields["listen"].rng, "Admin interface open to the network", "The admin interface has no token yet: whoever can connect to it can read events and change deliveries. Listen on a loopback address such as 127.0.0.1:8081.")
	}
	if a, s := l.cfg.Admin.Listen, l.cfg.Server.Listen; a != "" && a == s && portOf(a) != "0" {
		l.error(admin.fields["listen"].rng, "Address used twice", fmt.Sprintf("server and admin both listen on %s.", a))
	}
	journal := l.single(by, "journal", journalSchema)
	l.cfg.Journal = Journal{
		Path:         l.filled(journal, "path"),
		MaxBytes:     l.size(journal, "max_bytes"),
		Retention:    journal.duration("retention"),
		DedupeWindow: l.positive(journal, "dedupe_window"),
	}
	l.cfg.PluginsDir = l.filled(l.single(by, "plugins", pluginsSchema), "dir")
}

// single decodes a block that may be absent: it then has its defaults.
func (l *loader) single(by map[string][]*hclsyntax.Block, name string, s *pluginv1.Schema) *object {
	body, rng := &hclsyntax.Body{}, hcl.Range{}
	if blocks := by[name]; len(blocks) > 0 {
		body, rng = blocks[0].Body, blocks[0].DefRange()
	}
	o, _ := l.object(body, s, decoding{what: "The block " + quoted(name), own: true, rng: rng})
	return o
}

func (l *loader) listen(o *object) string {
	return parsed(l, o, "listen", func(s string) (string, error) { return s, checkListen(s) })
}

func (l *loader) size(o *object, name string) int64 {
	return parsed(l, o, name, func(s string) (int64, error) {
		n, err := ParseSize(s)
		if err == nil && n == 0 {
			err = fmt.Errorf("a size of 0 leaves room for nothing")
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
		l.error(f.rng, "Invalid value", quoted(name)+" must be more than 0.")
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

func quoted(s string) string { return strconv.Quote(s) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
