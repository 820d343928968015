// Package s3test starts real S3 servers, MinIO and versitygw, for tests, trials and benchmarks, and compares buckets with rclone.
// `make servers` builds the servers.
package s3test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	accessKey = "pointsman"
	secretKey = "pointsman-secret"
	region    = "us-east-1"
)

// Server is a running MinIO or versitygw on a loopback port of its own.
type Server struct {
	Endpoint, AccessKey, SecretKey, Region string
	process                                *process
	http                                   *http.Client
	client                                 *s3.Client
	targetARN                              string
}

// newServer returns a server that is not started yet.
func newServer() (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Endpoint: "http://" + address, AccessKey: accessKey, SecretKey: secretKey, Region: region,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	s.client = s3.New(s3.Options{
		BaseEndpoint:               aws.String(s.Endpoint),
		Region:                     s.Region,
		Credentials:                credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		UsePathStyle:               true,
		HTTPClient:                 s.http,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
	return s, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// launch starts a server. It tries another address if a process has taken the port meanwhile.
func launch(ctx context.Context, describe func(*Server) error) (*Server, error) {
	for attempt := 1; ; attempt++ {
		s, err := newServer()
		if err != nil {
			return nil, err
		}
		if err = describe(s); err != nil {
			return nil, err
		}
		if err = s.Start(ctx); err == nil {
			return s, nil
		}
		if attempt == 3 || !strings.Contains(err.Error(), "in use") {
			return nil, err
		}
	}
}

// Client returns the client of the server's administrator.
func (s *Server) Client() *s3.Client { return s.client }

// Start starts a stopped server again, with the same data at the same address, and waits until it is healthy.
func (s *Server) Start(ctx context.Context) error {
	if err := s.process.start(); err != nil {
		return err
	}
	if err := s.process.waitUntilHealthy(ctx, s.http); err != nil {
		s.process.stop()
		return err
	}
	return nil
}

// Stop ends the process: SIGTERM, after 5 s SIGKILL. The data remain.
func (s *Server) Stop() error {
	s.http.CloseIdleConnections()
	s.process.stop()
	return nil
}

// PID returns the id of the running process.
func (s *Server) PID() int { return s.process.pid() }

// started stops a server at the end of the test.
func started(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Stop()
		if t.Failed() {
			t.Logf("output of %s: %s", filepath.Base(s.process.path), &s.process.output)
		}
	})
	return s
}
