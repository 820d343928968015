package snsmessage

// Allows returns nil when the policy takes messages of the topic, else *source.Refused. It is for deliveries without a
// signature, whose sender proves in another way who it is.
func (v *Verifier) Allows(topicARN string) error {
	if _, ok := v.rules.topic(topicARN); !ok {
		return refuse(topicNotAllowed)
	}
	return nil
}
