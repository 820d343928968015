package schema

import (
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// Secrets returns every text in the values of sensitive attributes of a JSON object that satisfies s, for a program that
// wants to take them out of what it prints. Data that does not satisfy s gives what could be found.
func Secrets(s *pluginv1.Schema, data []byte) []string {
	data, err := checkJSON(data)
	if err != nil {
		return nil
	}
	return secretsOf(nil, s, data)
}

func secretsOf(found []string, s *pluginv1.Schema, object []byte) []string {
	if object[0] == '[' { // a block that may be written many times
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

// texts collects the strings anywhere inside a value. A number or bool is too common a text to be called secret.
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
