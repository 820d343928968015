package judge

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// startMoto starts moto's server.
func startMoto(t *testing.T) (address string) {
	t.Helper()
	testenv.Need(t, testenv.Moto)
	address, port := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), "python3", "-c", "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])", port)
	start(t, cmd, address)
	return address
}

// amazonName is the host in the certificate URLs of moto.
const amazonName = "sns.us-east-1.amazonaws.com"

// front serves moto's certificates: moto itself serves them only to requests for its SNS host.
func front(t *testing.T, moto string) (address string) {
	t.Helper()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", moto, amazonName
		r.Out.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, Signature=none")
	}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// moved points SigningCertURL, which is not signed, to the front.
func moved(front string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			body = bytes.Replace(body, []byte(`"SigningCertURL": "https://`+amazonName+`/`), []byte(`"SigningCertURL": "http://`+front+`/`), 1)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			h.ServeHTTP(w, r)
		})
	}
}

// TestMoto verifies messages that moto signed. Its signatures are correct without a subject; with one, moto does not sign
// the subject, so such a message must be refused.
func TestMoto(t *testing.T) {
	address := startMoto(t)
	client := snsClient(address)
	made, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	certificates := front(t, address)
	settings := `{"topics":["` + *made.TopicArn + `"],"auto_confirm":true,"require_signature_version":2,"insecure_cert_hosts":["` + certificates + `"]}`
	e := listen(t, settings, moved(certificates))
	subscribe(t, client, *made.TopicArn, e.url, nil)
	texts := []string{"hello", "日本 & <x> \"q\" 🎉\nand a second line\n", strings.Repeat("0123456789abcdef", 4<<10)}
	for _, text := range texts {
		publish(t, client, *made.TopicArn, text, nil)
	}
	publish(t, client, *made.TopicArn, "hello", aws.String("a subject"))
	until(t, "all deliveries", func() bool { return len(e.answered()) >= len(texts)+1 })
	if got := strings.Join(e.answered(), " "); got != "200 200 200 403" {
		t.Errorf("statuses %s", got)
	}
	for i, got := range e.all() {
		if text := got.Envelope.GetSns().GetMessage(); text != texts[i] {
			t.Errorf("message %d arrived as %.40q", i, text)
		}
	}
}

func publish(t *testing.T, client *sns.Client, topic, text string, subject *string) {
	t.Helper()
	if _, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: &text, Subject: subject}); err != nil {
		t.Fatal(err)
	}
}

// TestMotoS3 tests the whole path of an object's notification: S3, SNS, the source.
func TestMotoS3(t *testing.T) {
	address := startMoto(t)
	if address == "" {
		return
	}
	client := snsClient(address)
	made, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("events")})
	if err != nil {
		t.Fatal(err)
	}
	certificates := front(t, address)
	e := listen(t, `{"topics":["`+*made.TopicArn+`"],"auto_confirm":true,"unwrap_s3":true,"insecure_cert_hosts":["`+certificates+`"]}`, moved(certificates))
	subscribe(t, client, *made.TopicArn, e.url, nil)
	putObject(t, address, *made.TopicArn)
	until(t, "the object's event", func() bool { return len(e.all()) > 0 })
	got := e.all()[0].Envelope
	if got.GetType() != "s3.object.created" || got.GetSubject() != "uploads/photos/my cat+1.jpg" {
		t.Errorf("arrived as %v", got)
	}
}

// putObject creates a bucket that notifies the topic, and an object in it.
func putObject(t *testing.T, address, topic string) {
	t.Helper()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + address), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	bucket := aws.String("uploads")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	_, err := client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: bucket,
		NotificationConfiguration: &types.NotificationConfiguration{TopicConfigurations: []types.TopicConfiguration{
			{TopicArn: &topic, Events: []types.Event{"s3:ObjectCreated:*"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("photos/my cat+1.jpg"), Body: strings.NewReader("meow"),
	}); err != nil {
		t.Fatal(err)
	}
}
