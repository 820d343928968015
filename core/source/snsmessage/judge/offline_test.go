package judge

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/s3"
	snssource "github.com/pointsman/pointsman/core/source/sns"
)

// listen creates an sns source with these settings and starts a listener for it.
func listen(t *testing.T, settings string, wrap func(http.Handler) http.Handler) *endpoint {
	t.Helper()
	e := &endpoint{}
	var log bytes.Buffer
	s, err := snssource.Kind(unwrap).New([]byte(settings), source.Deps{
		Name: "alarms", Intake: e, Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: source.NewMetrics(prometheus.NewRegistry()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the source's log: %s", log.String())
		}
	})
	e.serve(t, wrap(s))
	return e
}

func unwrap(message []byte, window time.Duration) ([]source.Event, error) {
	return s3.Decode("auto", message, s3.DecodeOptions{Window: window})
}

func asTheyAre(h http.Handler) http.Handler { return h }

// TestOffline receives from serverless-offline-sns, which signs nothing: Signature is the word EXAMPLE in messages and in
// Lambda events, and a raw delivery has none. All of its requests must be refused.
func TestOffline(t *testing.T) {
	address, port := freeAddress(t)
	start(t, node(t, "offline.mjs", "PORT="+port), address)
	client := snsClient(address)
	made, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	settings := `{"topics":["` + *made.TopicArn + `"],"auto_confirm":true,"insecure_cert_hosts":["` + address + `"]}`
	e := listen(t, settings, asTheyAre)
	subscribe(t, client, *made.TopicArn, e.url, nil)
	subscribe(t, client, *made.TopicArn, e.url+"?raw", map[string]string{"RawMessageDelivery": "true"})
	for _, subject := range []*string{nil, aws.String("a subject")} {
		if _, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: made.TopicArn, Message: aws.String("hello"), Subject: subject}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "four deliveries", func() bool { return len(e.answered()) >= 4 })
	answers := slices.Sorted(slices.Values(e.answered()))
	if want := []string{"400", "400", "403", "403"}; !slices.Equal(answers, want) {
		t.Errorf("statuses %v, want %v", answers, want)
	}
	if len(e.all()) > 0 {
		t.Errorf("%d events got in", len(e.all()))
	}
}

func subscribe(t *testing.T, client *sns.Client, topic, url string, attributes map[string]string) {
	t.Helper()
	_, err := client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("http"), Endpoint: &url, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
}
