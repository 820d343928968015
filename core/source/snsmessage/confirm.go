package snsmessage

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"github.com/pointsman/pointsman/core/source"
)

// Reply responds to a verified SubscriptionConfirmation: it confirms the subscription, or logs how to. For other messages it
// returns nil, but logs that a subscription was cancelled. Its errors are those of Confirm.
func (v *Verifier) Reply(ctx context.Context, m *Message) (*source.Reply, error) {
	switch {
	case m.Type == UnsubscribeConfirmation: // requesting its SubscribeURL would subscribe again
		v.log.WarnContext(ctx, "subscription was cancelled: its topic sends no more events", "topic_arn", m.TopicARN)
		return nil, nil
	case m.Type != SubscriptionConfirmation:
		return nil, nil
	case !v.autoConfirm:
		v.log.WarnContext(ctx, "subscription needs confirmation: open subscribe_url within two days",
			"topic_arn", m.TopicARN, "subscribe_url", m.SubscribeURL)
		return &source.Reply{}, nil
	}
	if err := v.Confirm(ctx, m); err != nil {
		return nil, err
	}
	return &source.Reply{}, nil
}

// Confirm confirms a subscription. m must have passed Verify and be a SubscriptionConfirmation: the SubscribeURL of an
// UnsubscribeConfirmation would subscribe again. The error is *source.Refused if the SubscribeURL is not one of Amazon's for
// this topic; after any other error SNS should send again. Confirm is idempotent.
func (v *Verifier) Confirm(ctx context.Context, m *Message) error {
	if m.Type != SubscriptionConfirmation {
		return errors.New("confirm subscription: the message is not a SubscriptionConfirmation")
	}
	t, ok := v.rules.topic(m.TopicARN)
	if !ok {
		return refuse(topicNotAllowed)
	}
	l, ok := v.rules.confirmation(m, t)
	if !ok {
		return refuse(subscribeURL)
	}
	r, err := v.client.get(ctx, l)
	if err != nil {
		return fmt.Errorf("confirm subscription to %s: %w", m.TopicARN, err)
	}
	arn, err := subscriptionARN(r.body, m.TopicARN)
	if err != nil {
		return fmt.Errorf("confirm subscription to %s at %s: %w", m.TopicARN, l.host, err)
	}
	v.log.Info("subscription confirmed", "topic_arn", m.TopicARN, "subscription_arn", arn)
	return nil
}

// subscriptionARN returns the ARN of the new subscription from the response to a confirmation.
func subscriptionARN(body []byte, topic string) (string, error) {
	var response struct {
		XMLName xml.Name `xml:"ConfirmSubscriptionResponse"`
		ARN     string   `xml:"ConfirmSubscriptionResult>SubscriptionArn"`
	}
	if err := xml.Unmarshal(body, &response); err != nil {
		return "", errors.New("the response is not a ConfirmSubscriptionResponse")
	}
	if !strings.HasPrefix(response.ARN, topic+":") {
		return "", errors.New("the response names a subscription that is not to this topic")
	}
	return response.ARN, nil
}
