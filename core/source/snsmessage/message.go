// Package snsmessage is what Amazon SNS sends over HTTP: it reads messages, says whether they are authentic, confirms
// subscriptions, and signs messages of its own for tests. It is shared by the sources that SNS can deliver to and is none
// itself.
//
// All topics of all AWS accounts are signed with the same keys, so a good signature proves only that SNS sent the message.
// Whose message it is, is told by the signed TopicArn alone: Policy.Topics decides who may send.
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

// Message is one message of SNS. Only Type, MessageID, TopicARN, Subject, Message and Timestamp are signed, and Token and
// SubscribeURL in confirmations: nothing may be decided by the others, Attributes least of all.
type Message struct {
	Type, MessageID, TopicARN    string
	Subject, Message, Timestamp  string
	SignatureVersion, Signature  string
	SigningCertURL               string
	SubscribeURL, UnsubscribeURL string
	Token                        string
	// HasSubject tells an empty Subject from one that is absent or null. Neither is signed.
	HasSubject bool
	Attributes []Attribute
}

// Attribute is one message attribute, in the order sent. Value is as sent: base64 where Type is Binary.
type Attribute struct{ Name, Type, Value string }

// IsMessage reports whether the members of a JSON object are those of a signed SNS message. Senders that speak other
// dialects use the same names, but no Signature, so this is no proof and no promise that Parse will like it.
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

// Canonical returns the text that is signed.
func (m *Message) Canonical() []byte {
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
