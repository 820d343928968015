package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage/snssend"
)

// openTopic is an SNS topic of ours that a command sends by.
type openTopic struct {
	*snssend.Topic
	at     string // host and port, for insecure_cert_hosts
	server *http.Server
}

// listenTopic opens a topic. The router fetches its certificate from where listen says (--cert-listen), until it is closed.
func listenTopic(ctx context.Context, arn, listen string, timeout time.Duration) (*openTopic, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, usageError(fmt.Errorf("--cert-listen: %w", err))
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		err := fmt.Errorf("--cert-listen %s: the router must know which of this machine's addresses to ask: name one", listen)
		return nil, errors.Join(usageError(err), listener.Close())
	}
	t := &openTopic{at: listener.Addr().String()}
	if t.Topic, err = snssend.NewTopic(arn, t.at); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	t.server = &http.Server{Handler: t.Topic, ReadHeaderTimeout: timeout}
	go func() { _ = t.server.Serve(listener) }() // It ends with Close; who misses the certificate says so.
	return t, nil
}

// Close ends the topic.
func (t *openTopic) Close() error { return t.server.Close() }

// confirmation judges what the router did with the question whether to begin a subscription.
func (t *openTopic) confirmation([]byte) (verdict string, err error) {
	if !t.Confirmed() {
		return "The router has not confirmed the subscription: auto_confirm is off, so the URL to visit is in its log.", nil
	}
	return "The router has confirmed the subscription.", nil
}
