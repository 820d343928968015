package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/core/source/s3"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// sendSNS sends what S3 says through SNS: signed, by a topic of ours that the router can ask for its certificate.
func (f *s3Flags) sendSNS(ctx context.Context, s streams, target s3Target) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.certs)
	if err != nil {
		return usageError(fmt.Errorf("--cert-listen: %w", err))
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return errors.Join(usageError(fmt.Errorf("--cert-listen %s: the router must know which of this machine's addresses to ask: name one", f.certs)), listener.Close())
	}
	topic, err := s3.NewTopic(rand.Reader, target.topic, listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: topic, ReadHeaderTimeout: f.timeout}
	defer server.Close()
	go func() { _ = server.Serve(listener) }() // It ends with the command; who misses the certificate says so.

	target.token = schema.Secret{} // SNS has none
	target.refusals = snsRefusals(target, listener.Addr())
	if f.handshake {
		return f.subscribe(ctx, s, target, topic)
	}
	said, err := f.bytes(s.in, func() ([]byte, error) { return f.compose(target) })
	if err != nil {
		return usageError(err)
	}
	body, err := topic.Notification(time.Now(), said)
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, nil)
}

// subscribe asks SNS's question, and says whether the router confirmed.
func (f *s3Flags) subscribe(ctx context.Context, s streams, target s3Target, topic *s3.Topic) error {
	body, err := topic.Question(time.Now())
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, func([]byte) (string, error) {
		if !topic.Confirmed() {
			return "The router has not confirmed the subscription: auto_confirm is off, so the URL to visit is in its log.", nil
		}
		return "The router has confirmed the subscription.", nil
	})
}

// snsRefusals say what the router's answers mean to SNS.
func snsRefusals(target s3Target, certs net.Addr) map[int]string {
	return map[int]string{
		http.StatusUnauthorized: "the source takes no messages of SNS: it needs a block `sns`",
		http.StatusForbidden: fmt.Sprintf("it does not take this message: the source's block `sns` must allow the topic %s, and while you try it hold\n"+
			"  insecure_cert_hosts = [%q]\nand the bucket %s must be in the source's `buckets`", target.topic, certs, target.bucket),
		http.StatusNotFound:           s3Refusals[http.StatusNotFound],
		http.StatusServiceUnavailable: fmt.Sprintf("it could not ask for the certificate at http://%s: it must be able to reach this machine there", certs),
	}
}
