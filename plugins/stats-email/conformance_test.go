package main

import (
	"testing"

	"github.com/pointsman/pointsman/plugins/sdk/plugintest"
	"github.com/pointsman/pointsman/plugins/stats-email/intdash/intdashtest"
	"github.com/pointsman/pointsman/plugins/stats-email/mail/mailtest"
)

func TestConformance(t *testing.T) {
	server := intdashtest.New(t)
	server.Add(measurement, intdashtest.Measurement{Points: []intdashtest.Point{intdashtest.Float64(1, "10/distance", 1)}})
	smtp := mailtest.New(t, mailtest.Options{})
	oauth := func(secret string) map[string]any {
		return map[string]any{"url": server.URL, "client_id": intdashtest.ClientID, "client_secret": secret}
	}
	good, failing := from(bySMTP(smtp.Port, smtp.Cert), server), from(bySMTP(smtp.Port, smtp.Cert), server)
	good["intdash"] = oauth(intdashtest.ClientSecret)
	failing["intdash"] = oauth("canary-wrong-secret")
	plugintest.Run(t, newPlugin(), plugintest.Conformance{
		Settings: object(t, good),
		Failing:  object(t, failing),
		BadSettings: map[string]string{
			"from":          `{"data":"sample","from":"nobody","smtp":{"host":"mail.example.com"}}`,
			"intdash.token": `{"from":"a@example.com","intdash":{"url":"https://intdash.example.com"},"smtp":{"host":"mail.example.com"}}`,
			"smtp.tls":      `{"data":"sample","from":"a@example.com","smtp":{"host":"mail.example.com","tls":"none","username":"u","password":"canary-password"}}`,
		},
		Arguments: `{"to":["ops@example.com"],"subject":"{{.Average}}","body":"{{.Count}}\n","filter":["float64:10/distance"]}`,
		Event:     completed,
	})
}

func TestBinary(t *testing.T) {
	plugintest.Binary(t, plugintest.Build(t, "."))
}
