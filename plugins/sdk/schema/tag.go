package schema

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// tag is a field's `pointsman:"..."` tag.
type tag struct {
	name       string
	required   bool
	sensitive  bool
	block      bool
	template   bool
	defaultRaw string
	hasDefault bool
	oneOf      []string
	doc        string
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

var errNoTag = errors.New(`has no tag: want pointsman:"name,...", or pointsman:"-" to leave it out`)

// parseTag reads a field's tags. A default may hold commas: it goes on until the next part that is an option.
func parseTag(f reflect.StructField) (tag, error) {
	raw, ok := f.Tag.Lookup("pointsman")
	if !ok {
		return tag{}, errNoTag
	}
	parts := strings.Split(raw, ",")
	t := tag{name: parts[0], doc: f.Tag.Get("doc")}
	if !nameForm.MatchString(t.name) {
		return tag{}, fmt.Errorf("name %q: want lower-case letters, digits and _", t.name)
	}
	inDefault := false
	for _, part := range parts[1:] {
		isOption, err := t.option(part)
		switch {
		case err != nil:
			return tag{}, err
		case isOption:
			inDefault = strings.HasPrefix(part, "default=")
		case inDefault:
			t.defaultRaw += "," + part
		default:
			return tag{}, fmt.Errorf("unknown option %q", part)
		}
	}
	if t.required && t.hasDefault {
		return tag{}, errors.New("is required and has a default: want one or the other")
	}
	return t, nil
}

func (t *tag) option(part string) (known bool, err error) {
	key, value, hasValue := strings.Cut(part, "=")
	switch {
	case part == "required":
		t.required = true
	case part == "sensitive":
		t.sensitive = true
	case part == "block":
		t.block = true
	case part == "template":
		t.template = true
	case key == "default" && hasValue:
		if t.hasDefault {
			return true, errors.New("has two defaults")
		}
		t.defaultRaw, t.hasDefault = value, true
	case key == "one_of" && hasValue:
		t.oneOf = strings.Split(value, "|")
	default:
		return false, nil
	}
	return true, nil
}
