package config

import "github.com/zclconf/go-cty/cty"

// FindFiles returns the files that Load would read for these paths, as far as they can be read.
func FindFiles(paths []string) []string {
	names, _ := findFiles(paths, isConfiguration)
	return names
}

// SameText reports whether both configurations were read from files of the same names with the same content.
func (c *Config) SameText(o *Config) bool {
	if len(c.files) != len(o.files) {
		return false
	}
	for name, f := range c.files {
		other := o.files[name]
		if other == nil || f.sum != other.sum {
			return false
		}
	}
	return true
}

// SameRule reports whether two rules have the same text and, with for_each, the same item.
func (c *Config) SameRule(r *Rule, o *Config, other *Rule) bool {
	if (r.each == cty.NilVal) != (other.each == cty.NilVal) || r.each != cty.NilVal && !r.each.RawEquals(other.each) {
		return false
	}
	return c.Text(r.Range) == o.Text(other.Range)
}

// SameScope reports whether locals and variables have the same values in both configurations. They may depend on the environment
// and on other files, so that rules with the same text can have another meaning.
func (c *Config) SameScope(o *Config) bool {
	if len(c.Scope.Variables) != len(o.Scope.Variables) {
		return false
	}
	for name, v := range c.Scope.Variables {
		other, ok := o.Scope.Variables[name]
		if !ok || !v.RawEquals(other) {
			return false
		}
	}
	return true
}
