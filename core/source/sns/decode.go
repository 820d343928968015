package sns

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// Types of the events.
const (
	typeNotification = "sns.notification"
	typeUnsubscribed = "sns.unsubscribed"
)

// Reasons why an authentic message is quarantined.
const (
	notText = "not_text"
	notS3   = "not_s3"
)

// event returns the event of a verified message.
func (p *protocol) event(m *snsmessage.Message, eventType string) source.Event {
	data := &pointsmanv1.SnsNotification{
		TopicArn: m.TopicARN, Topic: topicName(m.TopicARN), MessageId: m.MessageID, Subject: m.Subject, Message: m.Message,
		MessageJson: asJSON(m.Message), Timestamp: m.Timestamp,
	}
	attributes := make([]*pointsmanv1.Attribute, 0, len(m.Attributes))
	for _, a := range m.Attributes {
		data.Attributes = append(data.Attributes, &pointsmanv1.SnsAttribute{Name: a.Name, Type: a.Type, Value: a.Value})
		attributes = append(attributes, &pointsmanv1.Attribute{Name: a.Name, Value: a.Value})
	}
	return source.Event{
		Envelope: &pointsmanv1.Envelope{
			Id: source.BoundedID(m.MessageID), Type: eventType, Subject: m.TopicARN, TimeUnixNano: source.UnixNano(m.Timestamp),
			Attributes: attributes, Data: &pointsmanv1.Envelope_Sns{Sns: data},
		},
		// Retries have the same id. Ids are unique per topic only.
		Keys: []source.Key{{Value: source.ContentID([]byte(m.TopicARN + "|" + m.MessageID + "|" + m.Type)), Window: p.window}},
	}
}

// rawMessage returns the message of a raw delivery, whose body is only the text. Everything else comes from the headers, which
// are as trustworthy as the holder of the token.
func rawMessage(header http.Header, body []byte) *snsmessage.Message {
	m := &snsmessage.Message{
		Type: snsmessage.Notification, MessageID: header.Get(headerID), TopicARN: header.Get(headerTopic), Message: string(body),
	}
	if m.MessageID == "" {
		m.MessageID = source.ContentID(body)
	}
	return m
}

// topicName returns everything after the fifth colon of an ARN.
func topicName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	return parts[len(parts)-1]
}

// asJSON returns the message as JSON for rules, nil if it is not a JSON object or array. Scalars such as a number stay text.
func asJSON(text string) *pointsmanv1.Json {
	if t := strings.TrimLeft(text, " \t\r\n"); t == "" || t[0] != '{' && t[0] != '[' || !json.Valid([]byte(text)) {
		return nil
	}
	return &pointsmanv1.Json{Text: []byte(text)}
}
