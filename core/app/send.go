package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/config"
)

// FoundSource is a source of the configuration, as one who sends to it sees it.
type FoundSource struct {
	Name string
	// URL is where a router with this configuration takes the source's events, seen from this machine.
	URL string
	// Settings are those of its block: a JSON object that satisfies the schema of its kind, secrets included.
	Settings []byte
}

// FindSource finds the source of a kind that is called name in the configuration, or the only one of its kind when name is
// empty. It starts nothing and runs no plugin.
func FindSource(ctx context.Context, o Options, kind, name string) (FoundSource, *config.Diagnostics, error) {
	sources := offlineSources()
	cfg, diags := readConfig(ctx, o, sources)
	if diags.HasErrors() {
		return FoundSource{}, diags, nil
	}
	c, err := pickSource(cfg, kind, name)
	if err != nil {
		return FoundSource{}, nil, fmt.Errorf("%s: %w", strings.Join(o.Paths, " "), err)
	}
	url := cfg.Server.Scheme() + "://" + reachable(cfg.Server.Listen) + sources.find(c.Name).Info().Path
	return FoundSource{Name: c.Name, URL: url, Settings: c.Settings}, nil, nil
}

// pickSource returns the source called name, or the only one of its kind if name is empty.
func pickSource(cfg *config.Config, kind, name string) (*config.Source, error) {
	var found []*config.Source
	var names []string
	for _, s := range cfg.Sources {
		if s.Kind == kind {
			found, names = append(found, s), append(names, s.Name)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no source of kind %q in the configuration: add one, or name another configuration with --config or an address with --url", kind)
	case name != "":
		if i := slices.Index(names, name); i >= 0 {
			return found[i], nil
		}
		return nil, fmt.Errorf("no source %q of kind %q in the configuration: there is %s", name, kind, strings.Join(names, ", "))
	case len(found) > 1:
		return nil, errors.New("several sources of kind " + kind + ": say which one with --source: " + strings.Join(names, ", "))
	}
	return found[0], nil
}

// reachable is the address to dial for a listener: one that listens on every interface is reached on this machine.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
