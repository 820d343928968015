package config

import "context"

// Load reads files, and of directories all *.hcl in name order, as one configuration.
func Load(ctx context.Context, paths []string, o Options) (*Config, *Diagnostics) {
	return &Config{}, &Diagnostics{}
}
