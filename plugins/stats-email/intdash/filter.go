package intdash

import (
	"fmt"
	"strings"
)

// Filter selects data points as the server's data_id_filter does: "<type>:<name>", where "#" stands for any type, any name,
// or the rest of a name.
type Filter struct {
	typ, name string
}

// ParseFilter parses one "<type>:<name>". It refuses types without numbers.
func ParseFilter(s string) (Filter, error) {
	typ, name, ok := strings.Cut(s, ":")
	if !ok || typ == "" || name == "" {
		return Filter{}, fmt.Errorf(`filter %.100q is not "<type>:<name>" such as "float64:10/distance"`, s)
	}
	if typ != "#" && typ != typeFloat64 && typ != typeInt64 {
		return Filter{}, fmt.Errorf(`filter %.100q asks for type %q; statistics are made of float64 and int64 ("#" is both)`, s, typ)
	}
	return Filter{typ, name}, nil
}

func (f Filter) String() string { return f.typ + ":" + f.name }

// matches reports whether a point passes. The server filters too, except servers before 2.7, which ignore data_id_filter.
func (f Filter) matches(typ, name string) bool {
	if f.typ != "#" && f.typ != typ {
		return false
	}
	prefix, wild := strings.CutSuffix(f.name, "#")
	switch {
	case wild:
		return strings.HasPrefix(name, prefix)
	case strings.Contains(f.name, "#"):
		return true // a pattern that only the server understands
	}
	return f.name == name
}

func anyMatches(filters []Filter, typ, name string) bool {
	for _, f := range filters {
		if f.matches(typ, name) {
			return true
		}
	}
	return len(filters) == 0
}
