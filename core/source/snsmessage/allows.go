package snsmessage

// Allows returns nil if the policy allows the topic, else *source.Refused. It is for raw deliveries, which have no
// signature and are authenticated by a token.
func (v *Verifier) Allows(topicARN string) error {
	if _, ok := v.rules.topic(topicARN); !ok {
		return refuse(topicNotAllowed)
	}
	return nil
}
