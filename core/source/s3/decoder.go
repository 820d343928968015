package s3

import (
	"context"
	"errors"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

var errSubscription = errors.New("the body is about a subscription, which makes no event")

// decoder decodes notifications as a source with these settings does after it has verified them.
func decoder(s *Settings) (source.Decoder, error) {
	p := &protocol{dialect: s.Dialect, options: s.decoding()}
	if s.SNS != nil {
		topics, err := snsmessage.NewVerifier(snsmessage.Policy{Topics: s.SNS.Topics}, snsmessage.Options{})
		if err != nil {
			return nil, err
		}
		p.sns = topics
	}
	return func(sample source.Sample) ([]source.Event, error) {
		if sample.Client != nil {
			return nil, source.ErrNoConnections
		}
		q := &request{protocol: p, slot: -1}
		q.read(sample.Body)
		if p.sns != nil && q.top.Text("Type") != "" && q.top.Has("TopicArn") {
			if err := q.unverified(sample.Body); err != nil {
				return nil, err
			}
		}
		return q.Events(context.Background(), sample.Received)
	}, nil
}

// unverified reads an SNS message that need not be signed.
func (q *request) unverified(body []byte) error {
	messages, err := snsmessage.ParseUnverified(body)
	if err != nil {
		return err
	}
	q.message = messages[0]
	if q.message.Type != snsmessage.Notification {
		return errSubscription
	}
	return q.sns.Allows(q.message.TopicARN)
}
