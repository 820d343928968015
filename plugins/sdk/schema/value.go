package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// value describes how to declare and decode an attribute of one Go type.
type value struct {
	typ    pluginv1.Type
	secret bool
	decode func(w *walk, value []byte, dst reflect.Value)
}

// valueOf returns the attribute type and the decoder of a Go type.
func valueOf(t reflect.Type, oneOf []string) (value, error) {
	switch t {
	case secretType:
		return value{pluginv1.Type_TYPE_STRING, true, decodeSecret}, nil
	case durationType:
		return value{pluginv1.Type_TYPE_DURATION, false, decodeDuration}, nil
	case rawType:
		return value{pluginv1.Type_TYPE_ANY, false, decodeRaw}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return value{pluginv1.Type_TYPE_STRING, false, decodeString(oneOf)}, nil
	case reflect.Bool:
		return value{pluginv1.Type_TYPE_BOOL, false, decodeBool}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return value{pluginv1.Type_TYPE_NUMBER, false, decodeInt}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return value{pluginv1.Type_TYPE_NUMBER, false, decodeUint}, nil
	case reflect.Float32, reflect.Float64:
		return value{pluginv1.Type_TYPE_NUMBER, false, decodeFloat}, nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return value{pluginv1.Type_TYPE_ANY, false, decodeAny}, nil
		}
	case reflect.Pointer:
		v, err := valueOf(t.Elem(), oneOf)
		v.decode = pointer(v.decode)
		return v, err
	case reflect.Slice, reflect.Map:
		return collectionOf(t, oneOf)
	}
	return value{}, fmt.Errorf("type %s cannot be an attribute", t)
}

func collectionOf(t reflect.Type, oneOf []string) (value, error) {
	v, err := valueOf(t.Elem(), oneOf)
	if err != nil || v.typ != pluginv1.Type_TYPE_STRING || t.Elem().Kind() == reflect.Pointer ||
		t.Kind() == reflect.Map && t.Key().Kind() != reflect.String {
		return value{}, fmt.Errorf("type %s cannot be an attribute", t)
	}
	if t.Kind() == reflect.Map {
		return value{pluginv1.Type_TYPE_STRING_MAP, v.secret, decodeMap(v.decode)}, nil
	}
	return value{pluginv1.Type_TYPE_STRING_LIST, v.secret, decodeList(v.decode)}, nil
}

func want(w *walk, kind string, value []byte) { w.problem("want " + kind + ", got " + kindOf(value)) }

func decodeString(oneOf []string) func(*walk, []byte, reflect.Value) {
	return func(w *walk, value []byte, dst reflect.Value) {
		if value[0] != '"' {
			want(w, "a string", value)
			return
		}
		s := text(value)
		if len(oneOf) > 0 && !slices.Contains(oneOf, s) {
			w.problem("want one of " + strings.Join(oneOf, ", "))
			return
		}
		dst.SetString(s)
	}
}

func decodeSecret(w *walk, value []byte, dst reflect.Value) {
	if value[0] != '"' {
		want(w, "a string", value)
		return
	}
	*dst.Addr().Interface().(*Secret) = NewSecret(text(value))
}

func decodeBool(w *walk, value []byte, dst reflect.Value) {
	switch value[0] {
	case 't', 'f':
		dst.SetBool(value[0] == 't')
	default:
		want(w, "a bool", value)
	}
}

func decodeDuration(w *walk, value []byte, dst reflect.Value) {
	const form = `a duration such as "1m30s"`
	if value[0] != '"' {
		want(w, form, value)
		return
	}
	d, err := time.ParseDuration(text(value))
	switch {
	case err != nil:
		w.problem("want " + form)
	case d < 0:
		w.problem("want a duration that is not negative")
	default:
		dst.SetInt(int64(d))
	}
}

func decodeInt(w *walk, value []byte, dst reflect.Value) {
	f, ok := number(w, value)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil { // 3.0 and 1e3 are whole numbers too
		if f != math.Trunc(f) {
			w.problem("want a whole number")
			return
		}
		if math.Abs(f) > 1<<53 {
			w.problem("is too large")
			return
		}
		n = int64(f)
	}
	if dst.OverflowInt(n) {
		bits := dst.Type().Bits()
		w.problem(fmt.Sprintf("want a whole number from %d to %d", int64(-1)<<(bits-1), int64(1)<<(bits-1)-1))
		return
	}
	dst.SetInt(n)
}

func decodeUint(w *walk, value []byte, dst reflect.Value) {
	f, ok := number(w, value)
	if !ok {
		return
	}
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		if f != math.Trunc(f) || f < 0 {
			w.problem("want a whole number, 0 or more")
			return
		}
		if f > 1<<53 {
			w.problem("is too large")
			return
		}
		n = uint64(f)
	}
	if dst.OverflowUint(n) {
		w.problem(fmt.Sprintf("want a whole number from 0 to %d", uint64(1)<<dst.Type().Bits()-1))
		return
	}
	dst.SetUint(n)
}

func decodeFloat(w *walk, value []byte, dst reflect.Value) {
	f, ok := number(w, value)
	switch {
	case !ok:
	case dst.OverflowFloat(f):
		w.problem("is too large")
	default:
		dst.SetFloat(f)
	}
}

// number returns the float64 nearest to a JSON number.
func number(w *walk, value []byte) (f float64, ok bool) {
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		want(w, "a number", value)
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		w.problem("is too large")
		return 0, false
	}
	return f, true
}

func decodeList(element func(*walk, []byte, reflect.Value)) func(*walk, []byte, reflect.Value) {
	return func(w *walk, value []byte, dst reflect.Value) {
		if value[0] != '[' {
			want(w, "a list of strings", value)
			return
		}
		fillSlice(w, value, dst, element)
	}
}

func decodeMap(element func(*walk, []byte, reflect.Value)) func(*walk, []byte, reflect.Value) {
	return func(w *walk, value []byte, dst reflect.Value) {
		if value[0] != '{' {
			want(w, "a map of strings", value)
			return
		}
		m := reflect.MakeMap(dst.Type())
		members(value, func(quoted, v []byte) {
			key := text(quoted)
			w.enter(clip(key), 0)
			e := reflect.New(dst.Type().Elem()).Elem()
			element(w, v, e)
			m.SetMapIndex(reflect.ValueOf(key).Convert(dst.Type().Key()), e)
			w.leave()
		})
		dst.Set(m)
	}
}

func decodeRaw(_ *walk, value []byte, dst reflect.Value) {
	dst.SetBytes(slices.Clone(value)) // the data belongs to the caller
}

func decodeAny(w *walk, value []byte, dst reflect.Value) {
	var v any
	if err := json.Unmarshal(value, &v); err != nil { // a number beyond the range of a float64
		w.problem("holds a number that is too large")
		return
	}
	if v != nil {
		dst.Set(reflect.ValueOf(v))
	}
}
