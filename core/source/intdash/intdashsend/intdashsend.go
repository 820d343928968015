// Package intdashsend sends webhooks as an intdash server does. Only `pointsman send` and tests use it: the router receives
// webhooks and never sends any.
package intdashsend

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pointsman/pointsman/core/source/intdash"
)

// DefaultProject is the UUID of the default project, which exists on every intdash server.
const DefaultProject = "00000000-0000-0000-0000-000000000000"

// Message is one event as an intdash server of 2024 sends it. Empty fields are omitted, as by older servers.
type Message struct {
	DeliveryUUID, HookUUID    string
	ResourceType, Action      string
	OccurredAt                time.Time
	ResourceUUID, ProjectUUID string
}

// NewMessage returns the event of a completed measurement of the default project with random UUIDs.
func NewMessage(now time.Time) *Message {
	return &Message{
		DeliveryUUID: uuid.NewString(), HookUUID: uuid.NewString(), ResourceType: "measurement", Action: "completed", OccurredAt: now,
		ResourceUUID: uuid.NewString(), ProjectUUID: DefaultProject,
	}
}

// Body returns the message as compact JSON with the member order of a real server.
func (m *Message) Body() []byte {
	body := []byte{'{'}
	add := func(name, value string) {
		if value == "" {
			return
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(appendString(body, name), ':')
		body = appendString(body, value)
	}
	add("delivery_uuid", m.DeliveryUUID)
	add("hook_uuid", m.HookUUID)
	add("resource_type", m.ResourceType)
	add("action", m.Action)
	if !m.OccurredAt.IsZero() {
		add("occurred_at", m.OccurredAt.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	add(m.ResourceType+"_uuid", m.ResourceUUID)
	if m.ResourceType != "project" {
		add("project_uuid", m.ProjectUUID)
	}
	return append(body, '}')
}

func appendString(to []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("intdashsend: marshal string: " + err.Error()) // cannot happen
	}
	return append(to, quoted...)
}

// NewRequest returns the signed POST request of a body.
func NewRequest(ctx context.Context, url string, secret, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(intdash.SignatureHeader, Sign(secret, body))
	return r, nil
}

// Sign returns the value of intdash.SignatureHeader for a body: HMAC-SHA256 over its raw bytes in standard base64.
func Sign(secret, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
