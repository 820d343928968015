package amazon

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"go.uber.org/goleak"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/partition"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withKeys is an account that the test servers know.
func withKeys() Account {
	return Account{Region: amazontest.Region, AccessKey: amazontest.AccessKey, SecretKey: schema.NewSecret(amazontest.SecretKey)}
}

func open(t *testing.T, a Account) *Client {
	t.Helper()
	c, err := a.Open(t.Context(), 1<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// publish makes a call.
func publish(ctx context.Context, c *Client, endpoint string) error {
	ctx, cancel := WithTimeout(ctx)
	defer cancel()
	client := sns.NewFromConfig(c.Config, func(o *sns.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	_, err := client.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(amazontest.Topic), Message: aws.String("x")})
	if err == nil {
		return nil
	}
	return Explain(ctx, "publish", err, nil)
}

// checkPasses fails the test unless the error is one that another attempt may mend.
func checkPasses(t *testing.T, err error) {
	t.Helper()
	refusal, refused := errors.AsType[*Error](err)
	if err == nil || refused && refusal.Permanent || len(err.Error()) > 1000 {
		t.Errorf("got %.2000v", err)
	}
}

// noEnvironment hides the AWS configuration of the machine that runs the test.
func noEnvironment(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// write returns the path of a file with the text.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const keysInFile = "aws_access_key_id = " + amazontest.AccessKey + "\naws_secret_access_key = " + amazontest.SecretKey + "\n"

func TestCredentials(t *testing.T) {
	region := Account{Region: amazontest.Region}
	for name, tt := range map[string]struct {
		account Account
		set     func(*testing.T)
	}{
		"settings": {withKeys(), func(*testing.T) {}},
		"environment": {region, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", amazontest.AccessKey)
			t.Setenv("AWS_SECRET_ACCESS_KEY", amazontest.SecretKey)
			t.Setenv("AWS_SESSION_TOKEN", amazontest.SessionToken)
		}},
		"file": {region, func(t *testing.T) {
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", write(t, "[default]\n"+keysInFile))
		}},
		"profile": {Account{Profile: "lab"}, func(t *testing.T) {
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", write(t, "[lab]\nregion = "+amazontest.Region+"\n"+keysInFile))
		}},
		"role": {Account{Region: amazontest.Region, AccessKey: "user", SecretKey: schema.NewSecret("secret"), RoleARN: "arn:aws:iam::123456789012:role/x"}, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_STS", newSTS(t).URL)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			noEnvironment(t)
			tt.set(t)
			if err := publish(t.Context(), open(t, tt.account), amazontest.NewSNS(t, false).URL); err != nil {
				t.Error(err)
			}
		})
	}
}

// newSTS starts a server that gives the credentials of amazontest to everybody who assumes a role.
func newSTS(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRole" || r.FormValue("RoleArn") != "arn:aws:iam::123456789012:role/x" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId>`+
			`<SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			amazontest.AccessKey, amazontest.SecretKey, amazontest.SessionToken)
	}))
	t.Cleanup(s.Close)
	return s
}

// A role that cannot be assumed is no refusal of the service, so the delivery is kept until somebody corrects the role.
func TestRoleRefused(t *testing.T) {
	noEnvironment(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not allowed</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(sts.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	a := withKeys()
	a.RoleARN = "arn:aws:iam::123456789012:role/x"
	err := publish(t.Context(), open(t, a), amazontest.NewSNS(t, false).URL)
	if _, refused := errors.AsType[*Error](err); err == nil || refused || !strings.Contains(err.Error(), "AssumeRole") || !strings.Contains(err.Error(), "AccessDenied: not allowed") {
		t.Errorf("got %v", err)
	}
}

// Without credentials no request is made. The machine's role may come later, so the error is not final.
func TestNoCredentials(t *testing.T) {
	noEnvironment(t)
	server := amazontest.NewSNS(t, false)
	err := publish(t.Context(), open(t, Account{Region: amazontest.Region}), server.URL)
	if _, refused := errors.AsType[*Error](err); err == nil || refused || !strings.Contains(err.Error(), "credentials") {
		t.Errorf("got %v", err)
	}
}

func TestUnusableAccounts(t *testing.T) {
	noEnvironment(t)
	for want, a := range map[string]Account{"there is no region": {}, "lab": {Region: amazontest.Region, Profile: "lab"}} {
		if _, err := a.Open(t.Context(), 1, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestSessionToken(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	a := withKeys()
	a.SessionToken = schema.NewSecret(amazontest.SessionToken)
	if err := publish(t.Context(), open(t, a), server.URL); err != nil {
		t.Fatal(err)
	}
	if got := server.Taken()[0].Header.Get("X-Amz-Security-Token"); got != amazontest.SessionToken {
		t.Errorf("got %q", got)
	}
}

// AWS_CA_BUNDLE adds authorities, also with the transport that is made here.
func TestCABundle(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(server.Close)
	t.Setenv("AWS_CA_BUNDLE", write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))))
	err := publish(t.Context(), open(t, withKeys()), server.URL)
	if refusal, _ := errors.AsType[*Error](err); refusal == nil || refusal.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v, want the response of the server", err)
	}
}

// The SDK sends to the domain that package partition has for a region.
func TestEndpointsOfEveryPartition(t *testing.T) {
	noEnvironment(t)
	for _, region := range []string{
		"eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1",
	} {
		a := withKeys()
		a.Region = region
		c := open(t, a)
		var host string
		c.transport.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
			host, _, _ = strings.Cut(address, ":")
			return nil, errors.New("no network")
		}
		c.transport.Proxy = nil
		checkPasses(t, publish(t.Context(), c, ""))
		of := partition.OfRegion(region)
		if want := "sns." + region + "." + partition.Domain(of); host != want || partition.OfHost(host) != of {
			t.Errorf("%s: host %q, want %q", region, host, want)
		}
	}
}

// A page of something else at the endpoint is not final, however long it is.
func TestNotAmazon(t *testing.T) {
	for name, status := range map[string]int{"moved": 301, "forbidden": 403, "bad gateway": 502} {
		t.Run(name, func(t *testing.T) {
			server := amazontest.NewSNS(t, false)
			for _, raw := range []string{"<html><body>A page</body></html>", strings.Repeat("x", 1<<20+1)} {
				server.Fail(amazontest.Fault{Status: status, Raw: raw})
				checkPasses(t, publish(t.Context(), open(t, withKeys()), server.URL))
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	err = publish(t.Context(), open(t, withKeys()), "http://"+listener.Addr().String())
	checkPasses(t, err)
	if !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

// The SDK does not retry: the router does.
func TestOneAttempt(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	server.Fail(amazontest.Fault{Status: 500, Code: "InternalError", Message: "canary"})
	c := open(t, withKeys())
	if err := publish(t.Context(), c, server.URL); err == nil {
		t.Error("the first attempt did not fail")
	}
	if err := publish(t.Context(), c, server.URL); err != nil || len(server.Taken()) != 1 {
		t.Errorf("%d taken, %v", len(server.Taken()), err)
	}
}

// A call without a response ends.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, withKeys())
		c.transport.Proxy = nil
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		began := time.Now()
		err := publish(t.Context(), c, "http://sns.example.com")
		checkPasses(t, err)
		if took := time.Since(began); took != CallTimeout || !strings.HasSuffix(err.Error(), "no response within 15s: context deadline exceeded") {
			t.Errorf("%s: %v", took, err)
		}
	})
}

func TestCancelled(t *testing.T) {
	server := amazontest.NewSNS(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := publish(ctx, open(t, withKeys()), server.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
