package snsmessage

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

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
