package schema

import (
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Secrets returns all strings in the values of sensitive attributes of a JSON object, for a program that redacts its output.
// The object should satisfy s; otherwise some secrets may be missing.
func Secrets(s *pluginv1.Schema, data []byte) []string {
	data, err := checkJSON(data)
	if err != nil {
		return nil
	}
	return secretsOf(nil, s, data)
}

// secretsOf appends the secrets of an object. It walks schema and JSON together and ignores invalid parts.
func secretsOf(found []string, s *pluginv1.Schema, object []byte) []string {
	if object[0] == '[' { // a repeatable block
		elements(object, func(_ int, v []byte) { found = secretsOf(found, s, v) })
	}
	if object[0] != '{' {
		return found
	}
	members(object, func(quoted, v []byte) {
		name := text(quoted)
		for _, a := range s.GetAttributes() {
			if a.GetName() == name && a.GetSensitive() {
				found = texts(found, v)
			}
		}
		for _, b := range s.GetBlocks() {
			if b.GetName() == name {
				found = secretsOf(found, b.GetSchema(), v)
			}
		}
	})
	return found
}

// texts collects all strings inside a value. Numbers and bools are too common to redact.
func texts(found []string, value []byte) []string {
	switch value[0] {
	case '"':
		found = append(found, text(value))
	case '[':
		elements(value, func(_ int, v []byte) { found = texts(found, v) })
	case '{':
		members(value, func(_, v []byte) { found = texts(found, v) })
	}
	return found
}
