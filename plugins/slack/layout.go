package main

import (
	"time"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// defaultColor is the seed's.
const defaultColor = "good"

// layOut fills a message for a rule without content of its own. All of it comes from the event, so all of it is escaped.
func (m *message) layOut(env *pointsmanv1.Envelope, color string) {
	t := &texts{escape: true}
	x := &attachment{Color: firstOf(color, defaultColor)}
	add := func(title, value string) {
		x.Fields = append(x.Fields, field{Title: title, Value: t.fit(value, maxField)})
	}
	if sns := env.GetSns(); sns != nil { // the seed's
		m.Text = t.fit(firstOf(sns.GetSubject(), "SNS Notification"), maxText)
		x.Pretext = t.fit(sns.GetTopic(), maxSection)
		add("message", sns.GetMessage())
		add("timestamp", snsTime(sns.GetTimestamp(), env))
	} else {
		m.Text = t.fit(env.GetType(), maxText)
		if env.GetSubject() != "" {
			add("subject", env.GetSubject())
		}
		add("time", eventTime(env))
		add("source", env.GetSource())
	}
	x.Fallback = cut(m.Text, maxSection)
	m.summary = t.fit(headline(env), maxSection)
	if sns := env.GetSns(); sns != nil {
		m.summary = cut(m.Text+": "+t.fit(sns.GetMessage(), maxSection), maxSection)
	}
	m.Attachments = []any{x}
}

// snsTime is RFC 3339 without the milliseconds that SNS sends.
func snsTime(sent string, env *pointsmanv1.Envelope) string {
	if sent == "" {
		return eventTime(env)
	}
	at, err := time.Parse(time.RFC3339, sent)
	if err != nil {
		return sent
	}
	return at.UTC().Format(time.RFC3339)
}

func eventTime(env *pointsmanv1.Envelope) string {
	at := env.GetTimeUnixNano()
	if at == 0 {
		at = env.GetReceivedUnixNano()
	}
	return time.Unix(0, at).UTC().Format(time.RFC3339)
}
