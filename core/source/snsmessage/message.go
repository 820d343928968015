// Package snsmessage implements the receiving side of Amazon SNS's HTTP messages: it parses and verifies messages and confirms
// subscriptions. The sources that SNS can deliver to share it; it is not a source itself.
//
// SNS signs the messages of all topics of all AWS accounts with the same keys, so a valid signature proves only that SNS
// sent the message. Only the signed TopicArn identifies the topic; Policy decides whether it is allowed.
package snsmessage

import (
	"github.com/pointsman/pointsman/core/source"
)

// Types of a Message.
const (
	Notification             = "Notification"
	SubscriptionConfirmation = "SubscriptionConfirmation"
	UnsubscribeConfirmation  = "UnsubscribeConfirmation"
)

// Message is one SNS message. SNS signs Type, MessageID, TopicARN, Subject, Message and Timestamp, and in confirmations also
// Token and SubscribeURL. Security decisions must not depend on the other fields, in particular not on Attributes.
type Message struct {
	Type, MessageID, TopicARN    string
	Subject, Message, Timestamp  string
	SignatureVersion, Signature  string
	SigningCertURL               string
	SubscribeURL, UnsubscribeURL string
	Token                        string
	// HasSubject distinguishes an empty Subject from one that is absent or null. Neither is signed.
	HasSubject bool
	Attributes []Attribute
}

// VerifiedBy names the verified signature of a message for Envelope.verified_by.
func (m *Message) VerifiedBy() string {
	if m.SignatureVersion == "1" {
		return "signature version 1"
	}
	return "signature version 2"
}

// Attribute is one message attribute. Value is not decoded: it is base64 if Type is Binary.
type Attribute struct{ Name, Type, Value string }

// IsMessage reports whether a JSON object looks like a signed SNS message. Other senders use the same member names but no
// Signature. Parse may still reject the object.
func IsMessage(members []source.Member) bool {
	typed, signed := false, false
	for i := range members {
		switch m := &members[i]; {
		case m.Kind != source.JSONString:
		case m.Name == "Type":
			text, _ := m.Scalar()
			typed = isType(text)
		case m.Name == "Signature":
			signed = true
		}
	}
	return typed && signed
}

func isType(text string) bool {
	return text == Notification || text == SubscriptionConfirmation || text == UnsubscribeConfirmation
}

// canonical returns the text that SNS signs.
func (m *Message) canonical() []byte {
	fields := []string{"Message", m.Message, "MessageId", m.MessageID}
	switch {
	case m.Type != Notification:
		fields = append(fields, "SubscribeURL", m.SubscribeURL, "Timestamp", m.Timestamp, "Token", m.Token)
	case m.Subject != "":
		fields = append(fields, "Subject", m.Subject, "Timestamp", m.Timestamp)
	default:
		fields = append(fields, "Timestamp", m.Timestamp)
	}
	fields = append(fields, "TopicArn", m.TopicARN, "Type", m.Type)
	text := make([]byte, 0, len(m.Message)+1024)
	for _, f := range fields {
		text = append(text, f...)
		text = append(text, '\n')
	}
	return text
}
