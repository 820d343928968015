// Package s3test starts real S3 servers, MinIO and versitygw, for tests, trials and benchmarks, and compares buckets with rclone.
// `make servers` builds the servers.
package s3test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pointsman/pointsman/plugins/sdk/testenv/server"
)

const (
	accessKey = "pointsman"
	secretKey = "pointsman-secret"
	region    = "us-east-1"
)

// Server is a running MinIO or versitygw on a loopback port of its own.
type Server struct {
	Endpoint, AccessKey, SecretKey, Region string
	http                                   *http.Client
	client                                 *s3.Client
	targetARN                              string

	program program
	process *server.Process
	output  tail
}

// program is the command of a server.
type program struct {
	path      string
	args, env []string
	dir       string
	health    string // URL
}

// newServer returns a server that is not started yet.
func newServer() (*Server, error) {
	address, err := server.FreeAddress()
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
	cmd := exec.Command(s.program.path, s.program.args...)
	cmd.Dir, cmd.Env = s.program.dir, s.program.env
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	cmd.SysProcAttr = diesWithParent()
	process, err := server.Start(ctx, cmd, s.program.health)
	if err != nil {
		return fmt.Errorf("%w: %s", err, &s.output)
	}
	s.process = process
	return nil
}

// Stop ends the process. The data remain.
func (s *Server) Stop() error {
	s.http.CloseIdleConnections()
	return s.process.Stop()
}

// PID returns the id of the running process.
func (s *Server) PID() int { return s.process.PID() }

// started stops a server at the end of the test.
func started(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Stop()
		if t.Failed() {
			t.Logf("output of %s: %s", filepath.Base(s.program.path), &s.output)
		}
	})
	return s
}
