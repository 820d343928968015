package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/intdash"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// IntdashTarget is where an intdash webhook is posted to and what it is signed with.
type IntdashTarget struct {
	URL    string
	Secret schema.Secret
}

// NewIntdashTarget makes a target that no configuration knows of.
func NewIntdashTarget(url, secret string) IntdashTarget {
	return IntdashTarget{URL: url, Secret: schema.NewSecret(secret)}
}

// FindIntdash finds the intdash source called name in the configuration, or its only one when name is empty. Nothing is
// started, and no plugin is asked.
func FindIntdash(ctx context.Context, o Options, name string) (IntdashTarget, *config.Diagnostics, error) {
	cfg, diags := config.Load(ctx, o.Paths, config.Options{Sources: sourceKinds(), Variables: o.Variables})
	if diags.HasErrors() {
		return IntdashTarget{}, diags, nil
	}
	c, err := findSource(cfg, intdash.Kind, name)
	if err != nil {
		return IntdashTarget{}, nil, fmt.Errorf("%s: %w", strings.Join(o.Paths, " "), err)
	}
	var s intdash.Settings
	if err := schema.Decode(nil, c.Settings, &s); err != nil {
		return IntdashTarget{}, nil, fmt.Errorf("source %q: %w", c.Name, err)
	}
	if s.Path == "" {
		s.Path = source.DefaultPath(c.Name)
	}
	i := slices.IndexFunc(s.Secrets, func(secret schema.Secret) bool { return secret.Reveal() != "" })
	if i < 0 {
		return IntdashTarget{}, nil, fmt.Errorf("source %q has no secret to sign with", c.Name)
	}
	return IntdashTarget{URL: "http://" + reachable(cfg.Server.Listen) + s.Path, Secret: s.Secrets[i]}, nil, nil
}

func findSource(cfg *config.Config, kind, name string) (*config.Source, error) {
	var found []*config.Source
	var names []string
	for _, s := range cfg.Sources {
		if s.Kind == kind {
			found, names = append(found, s), append(names, s.Name)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no source of kind %q in the configuration", kind)
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
