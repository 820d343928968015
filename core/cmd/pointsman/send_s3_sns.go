package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pointsman/pointsman/core/source/s3/s3send"
	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// sendSNS sends the notification through SNS: signed by an emulated topic that serves its certificate.
func (f *s3Flags) sendSNS(ctx context.Context, s streams, target s3Target) error {
	topic, err := listenTopic(ctx, target.topic, f.certs, f.timeout)
	if err != nil {
		return err
	}
	target.token = schema.Secret{} // SNS sends none
	target.refusals = snsRefusals(target, topic.at)
	return errors.Join(f.sendBy(ctx, s, target, topic), topic.Close())
}

// sendBy sends what the topic signs: a confirmation request, or the notification.
func (f *s3Flags) sendBy(ctx context.Context, s streams, target s3Target, topic *openTopic) error {
	if f.handshake {
		body, err := topic.Body(time.Now(), "2", snsmessage.Message{Type: snsmessage.SubscriptionConfirmation})
		if err != nil {
			return err
		}
		return f.send(ctx, s, target, body, topic.confirmation)
	}
	notification, err := f.bytes(s.in, func() ([]byte, error) { return f.compose(target) })
	if err != nil {
		return usageError(err)
	}
	body, err := topic.Body(time.Now(), "2", s3send.Published(notification))
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, nil)
}

// snsRefusals explain statuses to SNS.
func snsRefusals(target s3Target, certs string) map[int]string {
	return map[int]string{
		http.StatusUnauthorized: "the source accepts no messages of SNS: it needs a block `sns`",
		http.StatusForbidden: fmt.Sprintf("the source does not accept this message: its block `sns` must allow the topic %s and, while you try it, contain\n"+
			"  insecure_cert_hosts = [%q]\nand the bucket %s must be in its `buckets`", target.topic, certs, target.bucket),
		http.StatusNotFound:           s3Refusals[http.StatusNotFound],
		http.StatusServiceUnavailable: fmt.Sprintf("the router could not fetch the certificate from http://%s: it must be able to reach this machine there", certs),
	}
}
