package intdash

import "bytes"

// scan reads a line of the form that servers write, several times faster than a JSON parser: no white space, ASCII strings
// without escapes, integers, and {"d":"..."}. It returns false for any other line, which the parser then reads. scan and the
// parser read every accepted line alike.
func scan(b []byte, l *line) bool {
	rest, ok := bytes.CutPrefix(b, []byte("{"))
	for ok {
		var key, value []byte
		if key, rest, ok = scanString(rest); !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		if value, rest, ok = scanValue(rest[1:]); !ok || !l.set(key, value) || len(rest) == 0 {
			return false
		}
		if rest[0] == '}' {
			return len(rest) == 1
		}
		rest, ok = bytes.CutPrefix(rest, []byte(","))
	}
	return false
}

// set stores a member. It refuses members that the parser treats differently: a name in another case, a value of another type.
func (l *line) set(key, value []byte) bool {
	text := func(to *[]byte) bool {
		if value[0] != '"' {
			return false
		}
		*to = value[1 : len(value)-1]
		return true
	}
	switch string(key) {
	case "time":
		l.time = value
	case "data":
		l.data = value
	case "data_type":
		return text(&l.typ)
	case "data_id":
		return text(&l.id)
	case "data_name":
		return text(&l.name)
	case "measurement_uuid", "created_at":
	default:
		return false
	}
	return true
}

// scanString takes a plain string and returns what stands between its quotes.
func scanString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c < ' ' || c == '\\' || c >= 0x7f:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// scanValue takes a plain string, an integer or {"d":"plain string"}; value is the JSON text of it.
func scanValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	switch {
	case b[0] == '"':
		_, rest, ok = scanString(b)
	case b[0] >= '1' && b[0] <= '9':
		rest, ok = bytes.TrimLeft(b, "0123456789"), true
	default:
		if rest, ok = bytes.CutPrefix(b, []byte(`{"d":`)); !ok {
			return nil, nil, false
		}
		if _, rest, ok = scanString(rest); ok {
			rest, ok = bytes.CutPrefix(rest, []byte("}"))
		}
	}
	return b[:len(b)-len(rest)], rest, ok
}
