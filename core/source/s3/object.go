package s3

import "github.com/pointsman/pointsman/core/source"

// object is a parsed JSON object. Its methods treat a member that is null or of another kind as absent, because some stores
// write null where others omit the member.
type object []source.Member

func (o object) find(name string) *source.Member {
	for i := range o {
		if o[i].Name == name {
			return &o[i]
		}
	}
	return nil
}

// has reports whether there is a member with exactly that name, whatever its value.
func (o object) has(name string) bool { return o.find(name) != nil }

// text returns a string, "" if absent.
func (o object) text(name string) string {
	if m := o.find(name); m != nil && m.Kind == source.JSONString {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// scalar returns a string, or a number as written.
func (o object) scalar(name string) string {
	if m := o.find(name); m != nil && (m.Kind == source.JSONString || m.Kind == source.JSONNumber) {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// object returns a nested object, empty if absent. It was checked as part of o, so the only possible error is too many
// members, which no store sends.
func (o object) object(name string) object {
	m := o.find(name)
	if m == nil || m.Kind != source.JSONObject {
		return nil
	}
	members, err := m.Members(make([]source.Member, 0, 8))
	if err != nil {
		return nil
	}
	return members
}
