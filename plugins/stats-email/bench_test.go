package main

import (
	"path/filepath"
	"testing"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

// Mails a second from the delivery to the disk or the mail server, both in this process.
func BenchmarkDeliver(b *testing.B) {
	b.Run("maildir", func(b *testing.B) {
		benchmark(b, object(b, intoMaildir(filepath.Join(b.TempDir(), "mail"))))
	})
	b.Run("smtp", func(b *testing.B) {
		server := mailtest.New(b, mailtest.Options{})
		benchmark(b, object(b, bySMTP(server.Port, server.Cert)))
	})
}

func benchmark(b *testing.B, settings string) {
	h := plugintest.Start(b, newPlugin(), settings)
	batch := make([]*pluginv1.Delivery, maxInFlight)
	n := 0
	for b.Loop() {
		for i := range batch {
			batch[i] = h.NewDelivery(completed(), toOps)
		}
		for _, r := range h.Send(batch...) {
			if r.GetOutcome() != done {
				b.Fatal(r)
			}
		}
		n += len(batch)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "mails/s")
}
