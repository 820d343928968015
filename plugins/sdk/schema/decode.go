package schema

import (
	"reflect"
	"slices"
	"strings"
)

// decode fills dst, a zero struct, from an object.
func (o *object) decode(w *walk, value []byte, dst reflect.Value) {
	if value[0] != '{' {
		w.problem("want an object, got " + kindOf(value))
		return
	}
	var few [32]bool
	seen := few[:]
	if len(o.fields) > len(few) {
		seen = make([]bool, len(o.fields))
	}
	members(value, func(quoted, v []byte) {
		i, known := o.lookup(quoted)
		switch {
		case !known:
			w.problemAt(clip(text(quoted)), o.unknown())
		case seen[i]:
			w.problemAt(o.fields[i].name, "is written twice")
		case isNull(v), o.fields[i].many && isEmptyList(v): // as if not written
		default:
			seen[i] = true
			o.fields[i].fill(w, v, dst)
		}
	})
	for i := range o.fields {
		if !seen[i] {
			o.fields[i].fillAbsent(w, dst)
		}
	}
}

func (o *object) lookup(quoted []byte) (int, bool) {
	// The conversion in an index expression does not allocate. Names have no escapes, so a quoted name with one is
	// looked up by its text.
	if i, ok := o.byName[string(quoted[1:len(quoted)-1])]; ok {
		return i, true
	}
	i, ok := o.byName[text(quoted)]
	return i, ok
}

func (o *object) unknown() string {
	names := make([]string, len(o.fields))
	for i := range o.fields {
		names[i] = o.fields[i].name
	}
	if len(names) == 0 {
		return "unknown name: nothing can be written here"
	}
	slices.Sort(names)
	return "unknown name; known are " + strings.Join(names, ", ")
}

// isEmptyList reports whether a value is []. An empty list of blocks counts as not written.
func isEmptyList(value []byte) bool { return value[0] == '[' && value[next(value, 1)] == ']' }

// fillDefaults sets the defaults inside an object that is not written. Its required fields may be absent.
func (o *object) fillDefaults(w *walk, dst reflect.Value) {
	for i := range o.fields {
		f := o.fields[i]
		f.required = false
		f.fillAbsent(w, dst)
	}
}

// decodeMany fills a slice of structs from a list of objects.
func (o *object) decodeMany(w *walk, value []byte, dst reflect.Value) {
	if value[0] != '[' {
		w.problem("want a list of objects, got " + kindOf(value))
		return
	}
	fillSlice(w, value, dst, o.decode)
}

// fillSlice decodes each element of a list.
func fillSlice(w *walk, list []byte, dst reflect.Value, element func(*walk, []byte, reflect.Value)) {
	n := 0
	elements(list, func(int, []byte) { n++ })
	slice := reflect.MakeSlice(dst.Type(), n, n)
	elements(list, func(i int, v []byte) {
		w.enter("", i)
		element(w, v, slice.Index(i))
		w.leave()
	})
	dst.Set(slice)
}

func (f *field) fill(w *walk, value []byte, object reflect.Value) {
	w.enter(f.name, 0)
	f.decode(w, value, object.FieldByIndex(f.index))
	w.leave()
}

func (f *field) fillAbsent(w *walk, object reflect.Value) {
	switch {
	case f.required:
		w.problemAt(f.name, "is required")
	case f.def != nil:
		f.fill(w, f.def, object)
	case f.absent != nil:
		f.absent(w, object.FieldByIndex(f.index))
	}
}

// pointer decodes into a new value and points to it.
func pointer(decode func(*walk, []byte, reflect.Value)) func(*walk, []byte, reflect.Value) {
	return func(w *walk, value []byte, dst reflect.Value) {
		p := reflect.New(dst.Type().Elem())
		decode(w, value, p.Elem())
		dst.Set(p)
	}
}

// clip shortens a name from the data for an error text.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
