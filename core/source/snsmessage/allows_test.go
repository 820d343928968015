package snsmessage

import "testing"

func TestAllows(t *testing.T) {
	v, net := verifierOf(t, Policy{Topics: []string{testTopic, "arn:aws:sns:eu-west-1:1234567890*:logs-*"}})
	for arn, reason := range map[string]string{
		testTopic: "",
		"arn:aws:sns:eu-west-1:123456789012:logs-a":              "",
		"arn:aws:sns:eu-west-1:123456789012:other":               topicNotAllowed,
		"arn:aws:sns:eu-west-2:123456789012:logs-a":              topicNotAllowed,
		"arn:aws:sns:eu-west-1:999999999999:logs-a":              topicNotAllowed,
		"arn:aws:sns:eu-west-1:123456789012:logs-a:subscription": topicNotAllowed,
		"arn:aws:sns:eu-west-1:123456789012:x:logs-a":            topicNotAllowed,
		testTopic + "\n":  topicNotAllowed,
		"reporting-topic": topicNotAllowed,
		"":                topicNotAllowed,
	} {
		wantRefused(t, v.Allows(arn), reason)
	}
	net.want(t, 0)
	nobody, _ := verifierOf(t, Policy{})
	wantRefused(t, nobody.Allows(testTopic), topicNotAllowed)
}
