package snsmessage

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/pointsman/pointsman/core/source"
)

// Reasons why a body is not a message, besides those of source.ReadObject.
const (
	missingField   = "missing_field"
	wrongType      = "wrong_type"
	unknownType    = "unknown_type"
	tooManyRecords = "too_many_records"
)

// maxRecords limits the messages of a Lambda event. SNS puts one in it.
const maxRecords = 1000

// UndecodableReasons returns the reasons of the errors of Parse and ParseAll.
func UndecodableReasons() []string {
	return append(source.JSONReasons(), missingField, wrongType, unknownType, tooManyRecords)
}

// Parse parses the body that SNS posts. It ignores unknown members. The error is *source.Undecodable; such a body has no
// signature that could be verified, so it is not authentic.
func Parse(body []byte) (*Message, error) {
	members, err := source.ReadObject(string(body), nil)
	if err != nil {
		return nil, err
	}
	return FromObject(members)
}

// FromObject is Parse for a body that was read already.
func FromObject(members []source.Member) (*Message, error) {
	return parse(members, (*Message).field, mustBeSigned)
}

// ParseAll parses the body that SNS posts, or the event that it passes to a Lambda function: Records[].Sns are messages with
// three members spelled differently. The error is *source.Undecodable if any of them is not a message.
func ParseAll(body []byte) ([]*Message, error) { return parseAll(body, mustBeSigned) }

// ParseUnverified is ParseAll for the author of a test, who may leave out the members about the signature. Such a message proves
// nothing.
func ParseUnverified(body []byte) ([]*Message, error) { return parseAll(body, mayBeUnsigned) }

// strictness says whether a message must have the members about its signature.
type strictness bool

const (
	mustBeSigned  strictness = true
	mayBeUnsigned strictness = false
)

func parseAll(body []byte, s strictness) ([]*Message, error) {
	members, err := source.ReadObject(string(body), nil)
	if err != nil {
		return nil, err
	}
	records := source.Object(members).Find("Records")
	if records == nil {
		m, err := parse(members, (*Message).field, s)
		return []*Message{m}, err
	}
	if records.Kind != source.JSONArray {
		return nil, wrong("Records", "an array")
	}
	elements, err := records.Elements(maxRecords)
	switch {
	case err != nil:
		return nil, &source.Undecodable{Reason: tooManyRecords, Detail: "more than " + strconv.Itoa(maxRecords) + " records"}
	case len(elements) == 0:
		return nil, missing("Records[0]")
	}
	messages := make([]*Message, len(elements))
	for i := range elements {
		if messages[i], err = parseRecord(&elements[i], s); err != nil {
			return nil, inRecord(i, err)
		}
	}
	return messages, nil
}

func inRecord(i int, err error) error {
	if u, ok := errors.AsType[*source.Undecodable](err); ok {
		return &source.Undecodable{Reason: u.Reason, Detail: fmt.Sprintf("Records[%d]: %s", i, u.Detail)}
	}
	return err
}

// parseRecord parses the message in a record of the form that SNS sends to AWS Lambda.
func parseRecord(r *source.Member, s strictness) (*Message, error) {
	record, err := r.Members(nil)
	if err != nil {
		return nil, err
	}
	sns := source.Object(record).Find("Sns")
	if sns == nil {
		return nil, missing("Sns")
	}
	if sns.Kind != source.JSONObject {
		return nil, wrong("Sns", "an object")
	}
	members, err := sns.Members(nil)
	if err != nil {
		return nil, err
	}
	return parse(members, (*Message).lambdaField, s)
}

// parse makes a message of its members; field returns the destination of a member's value.
func parse(members []source.Member, field func(m *Message, name string) *string, s strictness) (*Message, error) {
	m := &Message{}
	for i := range members {
		member := &members[i]
		if member.Name == "MessageAttributes" {
			if err := m.readAttributes(member); err != nil {
				return nil, err
			}
			continue
		}
		to := field(m, member.Name)
		if to == nil || member.Kind == source.JSONNull {
			continue // check reports a required member that is null
		}
		if member.Kind != source.JSONString {
			return nil, wrong(member.Name, "a string")
		}
		*to, _ = member.Scalar()
		if to == &m.Subject {
			m.HasSubject = true
		}
	}
	if err := m.check(members, s); err != nil {
		return nil, err
	}
	return m, nil
}

// field returns the destination of the member of that name, nil if it has none.
func (m *Message) field(name string) *string {
	switch name {
	case "Type":
		return &m.Type
	case "MessageId":
		return &m.MessageID
	case "TopicArn":
		return &m.TopicARN
	case "Subject":
		return &m.Subject
	case "Message":
		return &m.Message
	case "Timestamp":
		return &m.Timestamp
	case "SignatureVersion":
		return &m.SignatureVersion
	case "Signature":
		return &m.Signature
	case "SigningCertURL":
		return &m.SigningCertURL
	case "SubscribeURL":
		return &m.SubscribeURL
	case "UnsubscribeURL":
		return &m.UnsubscribeURL
	case "Token":
		return &m.Token
	}
	return nil
}

// lambdaField is field with Lambda's spelling.
func (m *Message) lambdaField(name string) *string {
	switch name {
	case "SigningCertUrl":
		return &m.SigningCertURL
	case "SubscribeUrl":
		return &m.SubscribeURL
	case "UnsubscribeUrl":
		return &m.UnsubscribeURL
	}
	return m.field(name)
}

// check returns an error if a required member is missing or empty. Only Message may be empty.
func (m *Message) check(members []source.Member, s strictness) error {
	if m.Type != "" && !isType(m.Type) {
		return &source.Undecodable{Reason: unknownType, Detail: "Type is not one of SNS"}
	}
	required := []struct{ name, value string }{
		{"Type", m.Type},
		{"MessageId", m.MessageID},
		{"TopicArn", m.TopicARN},
		{"Timestamp", m.Timestamp},
	}
	type member = struct{ name, value string }
	if s == mustBeSigned {
		required = append(required, member{"SignatureVersion", m.SignatureVersion}, member{"Signature", m.Signature}, member{"SigningCertURL", m.SigningCertURL})
	}
	if s == mustBeSigned && m.Type != Notification {
		required = append(required, member{"Token", m.Token}, member{"SubscribeURL", m.SubscribeURL})
	}
	for _, r := range required {
		if r.value == "" {
			return missing(r.name)
		}
	}
	if text := source.Object(members).Find("Message"); text == nil || text.Kind == source.JSONNull {
		return missing("Message")
	}
	return nil
}

// readAttributes reads the message attributes. SNS does not sign them.
func (m *Message) readAttributes(all *source.Member) error {
	if all.Kind == source.JSONNull {
		return nil
	}
	if all.Kind != source.JSONObject {
		return wrong(all.Name, "an object")
	}
	members, err := all.Members(nil)
	if err != nil {
		return err
	}
	for i := range members {
		if members[i].Kind != source.JSONObject {
			return wrong("a message attribute", "an object")
		}
		parts, err := members[i].Members(nil)
		if err != nil {
			return err
		}
		a := Attribute{Name: members[i].Name}
		for j := range parts {
			if to := a.field(parts[j].Name); to != nil {
				if parts[j].Kind != source.JSONString {
					return wrong("the "+parts[j].Name+" of a message attribute", "a string")
				}
				*to, _ = parts[j].Scalar()
			}
		}
		m.Attributes = append(m.Attributes, a)
	}
	return nil
}

// field accepts the names that SNS uses in messages and those of its API, which the emulator goaws sends.
func (a *Attribute) field(name string) *string {
	switch name {
	case "Type", "DataType":
		return &a.Type
	case "Value", "StringValue", "BinaryValue":
		return &a.Value
	}
	return nil
}

func missing(name string) error {
	return &source.Undecodable{Reason: missingField, Detail: "no " + name}
}

func wrong(name, kind string) error {
	return &source.Undecodable{Reason: wrongType, Detail: name + " is not " + kind}
}
