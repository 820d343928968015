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

// openTopic is an emulated SNS topic and its HTTP server.
type openTopic struct {
	*snssend.Topic
	at     string // host and port, as in insecure_cert_hosts
	server *http.Server
}

// listenTopic serves a topic at the address listen (--cert-listen), where the router fetches its certificate.
func listenTopic(ctx context.Context, arn, listen string, timeout time.Duration) (*openTopic, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, usageError(fmt.Errorf("--cert-listen: %w", err))
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		err := fmt.Errorf("--cert-listen %s: the router needs to know which of this machine's addresses to connect to: name one", listen)
		return nil, errors.Join(usageError(err), listener.Close())
	}
	t := &openTopic{at: listener.Addr().String()}
	if t.Topic, err = snssend.NewTopic(arn, t.at); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	t.server = &http.Server{Handler: t.Topic, ReadHeaderTimeout: timeout}
	go func() { _ = t.server.Serve(listener) }() // ends with Close; the router reports a missing certificate
	return t, nil
}

// Close stops the server.
func (t *openTopic) Close() error { return t.server.Close() }

// confirmation checks whether the router has confirmed the subscription.
func (t *openTopic) confirmation([]byte) (verdict string, err error) {
	if !t.Confirmed() {
		return "The router has not confirmed the subscription: auto_confirm is off, so it has logged the URL to open.", nil
	}
	return "The router has confirmed the subscription.", nil
}
