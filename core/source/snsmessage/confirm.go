package snsmessage

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// Confirm confirms the subscription that m asks about. m must have passed Verify and be a SubscriptionConfirmation: the
// SubscribeURL of an UnsubscribeConfirmation would subscribe again. The error is *source.Refused when the SubscribeURL is
// not Amazon's for this topic; after any other, SNS should be asked to send again. Confirming twice does no harm.
func (v *Verifier) Confirm(ctx context.Context, m *Message) error {
	if m.Type != SubscriptionConfirmation {
		return errors.New("confirm a subscription: the message does not ask for it")
	}
	t, ok := v.rules.topic(m.TopicARN)
	if !ok {
		return refuse(topicNotAllowed)
	}
	l, ok := v.rules.confirmation(m, t)
	if !ok {
		return refuse(subscribeURL)
	}
	a, err := v.client.get(ctx, l)
	if err != nil {
		return fmt.Errorf("confirm the subscription to %s: %w", m.TopicARN, err)
	}
	arn, err := subscriptionARN(a.body, m.TopicARN)
	if err != nil {
		return fmt.Errorf("confirm the subscription to %s: %s %w", m.TopicARN, l.host, err)
	}
	v.log.Info("subscription confirmed", "topic_arn", m.TopicARN, "subscription_arn", arn)
	return nil
}

// subscriptionARN returns the ARN of the new subscription to topic from the answer to a confirmation.
func subscriptionARN(body []byte, topic string) (string, error) {
	var response struct {
		XMLName xml.Name `xml:"ConfirmSubscriptionResponse"`
		ARN     string   `xml:"ConfirmSubscriptionResult>SubscriptionArn"`
	}
	if err := xml.Unmarshal(body, &response); err != nil {
		return "", errors.New("answered something else than a ConfirmSubscriptionResponse")
	}
	if !strings.HasPrefix(response.ARN, topic+":") {
		return "", errors.New("answered with a subscription that is not to this topic")
	}
	return response.ARN, nil
}
