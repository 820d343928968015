package awsmail

import (
	netmail "net/mail"
	"testing"
	"time"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
	"github.com/pointsman/pointsman/plugins/stats-email/mail"
)

const statsText = "Average: 99.506109\nUnbiased Variance: 243.961858\n"

// message returns the mail of the documented examples.
func message() *mail.Message {
	return &mail.Message{
		ID: "01K2-delivery", Attempt: 1, Rule: "stats", Subject: "Measurement finished", Text: statsText,
		From: &netmail.Address{Address: "router@example.jp"}, To: []*netmail.Address{{Address: "ops@example.jp"}},
	}
}

// withKeys is an account that the test servers know.
func withKeys() amazon.Account {
	return amazon.Account{
		Region: amazontest.Region, AccessKey: amazontest.AccessKey, SecretKey: schema.NewSecret(amazontest.SecretKey),
	}
}

func topic(t testing.TB, a amazon.Account, endpoint string) *Topic {
	t.Helper()
	out, err := OpenTopic(t.Context(), a, endpoint, amazontest.Topic, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}

func TestBackoff(t *testing.T) {
	for attempt, least := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 1000: maxBackoff / 2} {
		if d := backoff(attempt); d < least || d >= 2*least {
			t.Errorf("attempt %d: %s", attempt, d)
		}
	}
}
