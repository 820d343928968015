package s3

import "github.com/pointsman/pointsman/core/source"

// object is a JSON object that has been read. Its methods take a member that is null or of another kind as absent: stores
// write null where others write nothing.
type object []source.Member

func (o object) find(name string) *source.Member {
	for i := range o {
		if o[i].Name == name {
			return &o[i]
		}
	}
	return nil
}

// has reports whether there is a member of that spelling, whatever its value.
func (o object) has(name string) bool { return o.find(name) != nil }

// text returns a string, "" when there is none.
func (o object) text(name string) string {
	if m := o.find(name); m != nil && m.Kind == source.JSONString {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// scalar returns a string, or a number as it is written.
func (o object) scalar(name string) string {
	if m := o.find(name); m != nil && (m.Kind == source.JSONString || m.Kind == source.JSONNumber) {
		text, _ := m.Scalar()
		return text
	}
	return ""
}

// object returns an object inside, empty when there is none. Its text has been read once as part of o, so all that can be
// wrong with it is that it has more members than anybody sends.
func (o object) object(name string) object {
	m := o.find(name)
	if m == nil || m.Kind != source.JSONObject {
		return nil
	}
	members, err := source.ReadObject(m.Raw, make([]source.Member, 0, 8))
	if err != nil {
		return nil
	}
	return members
}
