package source

// Object is a parsed JSON object. Its methods treat a member that is null or of another kind as absent, because some stores
// write null where others omit the member.
type Object []Member

// Find returns the member with exactly that name, nil if there is none.
func (o Object) Find(name string) *Member {
	for i := range o {
		if o[i].Name == name {
			return &o[i]
		}
	}
	return nil
}

// Has reports whether there is a member with exactly that name, whatever its value.
func (o Object) Has(name string) bool { return o.Find(name) != nil }

// Text returns a string, "" if absent.
func (o Object) Text(name string) string {
	if m := o.Find(name); m != nil && m.Kind == JSONString {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// Scalar returns a string, or a number as written.
func (o Object) Scalar(name string) string {
	if m := o.Find(name); m != nil && (m.Kind == JSONString || m.Kind == JSONNumber) {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// Object returns a nested object, empty if absent. It was checked as part of o, so the only possible error is too many
// members, which no store sends.
func (o Object) Object(name string) Object {
	m := o.Find(name)
	if m == nil || m.Kind != JSONObject {
		return nil
	}
	members, err := m.Members(make([]Member, 0, 8))
	if err != nil {
		return nil
	}
	return members
}
