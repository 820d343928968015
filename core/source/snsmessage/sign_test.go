package snsmessage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSignerRoundTrip(t *testing.T) {
	changes := map[string]func(m *Message){
		"notification": nil,
		"everything": func(m *Message) {
			m.Subject, m.HasSubject, m.Message = "Grüße <&>", true, "a\n\"b\"\x00🎉"
			m.UnsubscribeURL = "https://" + testHost + "/?Action=Unsubscribe&SubscriptionArn=x"
			m.Attributes = []Attribute{{"z", "String", "1"}, {"a", "String.Array", `["x",1]`}}
		},
		"empty subject":    func(m *Message) { m.HasSubject = true },
		"confirmation":     confirmation,
		"unsubscribed":     func(m *Message) { confirmation(m); m.Type = UnsubscribeConfirmation },
		"empty message":    func(m *Message) { m.Message = "" },
		"an ARN of a FIFO": func(m *Message) { m.TopicARN = "arn:aws:sns:ap-northeast-1:123456789012:x.fifo" },
	}
	v, net := verifierOf(t, Policy{Topics: []string{"arn:aws:sns:ap-northeast-1:123456789012:*"}})
	for name, change := range changes {
		for _, version := range []string{"1", "2"} {
			want := signedMessage(t, version, change)
			got, err := Parse(signing().Body(want))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if err := v.Verify(t.Context(), got); err != nil {
				t.Errorf("%s, version %s: %v", name, version, err)
			}
		}
	}
	net.want(t, 1)
}

func TestSignerMistakes(t *testing.T) {
	for _, raw := range []string{"", "x.pem", "http://[", "https:///x.pem"} {
		if _, err := NewSigner(raw); err == nil {
			t.Errorf("%q is taken", raw)
		}
	}
	for _, version := range []string{"", "0", "3", "01"} {
		if err := signing().Sign(&Message{}, version); err == nil {
			t.Errorf("version %q is taken", version)
		}
	}
}

func TestSignerCertificateIsForItsHost(t *testing.T) {
	for raw, host := range map[string]string{"http://127.0.0.1:4100/x.pem": "127.0.0.1", "https://localhost/x.pem": "localhost"} {
		s, err := NewSigner(raw)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := parseChain(s.Certificate())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{host, "sns.amazonaws.com"} {
			if err := chain[0].VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
	}
}
