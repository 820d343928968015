package config

import "github.com/hashicorp/hcl/v2"

// Text returns what is written at a range, for errors that appear long after the files were read. Literals that may be secrets
// are overwritten in it. It is empty for a range outside of the files.
func (c *Config) Text(rng hcl.Range) string {
	f := c.files[rng.Filename]
	if f == nil || !rng.CanSliceBytes(f.text) {
		return ""
	}
	return string(rng.SliceBytes(f.text))
}
