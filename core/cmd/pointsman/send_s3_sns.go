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

// sendSNS sends what S3 says through SNS: signed, by a topic of ours that the router can ask for its certificate.
func (f *s3Flags) sendSNS(ctx context.Context, s streams, target s3Target) error {
	topic, err := listenTopic(ctx, target.topic, f.certs, f.timeout)
	if err != nil {
		return err
	}
	target.token = schema.Secret{} // SNS has none
	target.refusals = snsRefusals(target, topic.at)
	return errors.Join(f.sendBy(ctx, s, target, topic), topic.Close())
}

// sendBy sends what the topic signs: SNS's question whether to subscribe, or what S3 publishes.
func (f *s3Flags) sendBy(ctx context.Context, s streams, target s3Target, topic *openTopic) error {
	if f.handshake {
		body, err := topic.Body(time.Now(), "2", snsmessage.Message{Type: snsmessage.SubscriptionConfirmation})
		if err != nil {
			return err
		}
		return f.send(ctx, s, target, body, topic.confirmation)
	}
	said, err := f.bytes(s.in, func() ([]byte, error) { return f.compose(target) })
	if err != nil {
		return usageError(err)
	}
	body, err := topic.Body(time.Now(), "2", s3send.Published(said))
	if err != nil {
		return err
	}
	return f.send(ctx, s, target, body, nil)
}

// snsRefusals say what the router's answers mean to SNS.
func snsRefusals(target s3Target, certs string) map[int]string {
	return map[int]string{
		http.StatusUnauthorized: "the source takes no messages of SNS: it needs a block `sns`",
		http.StatusForbidden: fmt.Sprintf("it does not take this message: the source's block `sns` must allow the topic %s, and while you try it hold\n"+
			"  insecure_cert_hosts = [%q]\nand the bucket %s must be in the source's `buckets`", target.topic, certs, target.bucket),
		http.StatusNotFound:           s3Refusals[http.StatusNotFound],
		http.StatusServiceUnavailable: fmt.Sprintf("it could not ask for the certificate at http://%s: it must be able to reach this machine there", certs),
	}
}
