package sns

import (
	"context"
	"errors"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

var errSubscription = errors.New("the body asks to confirm a subscription, which makes no event")

// decoder decodes messages as a source with these settings does after it has verified them.
func decoder(s *Settings, unwrap Unwrap) (source.Decoder, error) {
	if !s.UnwrapS3 {
		unwrap = nil
	}
	topics, err := snsmessage.NewVerifier(snsmessage.Policy{Topics: s.Topics}, snsmessage.Options{})
	if err != nil {
		return nil, err
	}
	p := &protocol{verifier: topics, unwrap: unwrap, window: s.DedupeWindow}
	return func(sample source.Sample) ([]source.Event, error) {
		if sample.Client != nil {
			return nil, source.ErrNoConnections
		}
		q := &request{protocol: p, slot: -1}
		if q.unsigned = isRaw(sample.Header); q.unsigned {
			q.messages = []*snsmessage.Message{rawMessage(sample.Header, sample.Body)}
		} else if q.messages, err = snsmessage.ParseUnverified(sample.Body); err != nil {
			return nil, err
		}
		for _, m := range q.messages {
			if m.Type == snsmessage.SubscriptionConfirmation {
				return nil, errSubscription
			}
			if err := topics.Allows(m.TopicARN); err != nil {
				return nil, err
			}
		}
		return q.Events(context.Background(), sample.Received)
	}, nil
}
