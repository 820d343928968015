package intdash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
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
func NewMessage(random io.Reader, now time.Time) (Message, error) {
	var ids [3]string
	for i := range ids {
		id, err := newUUID(random)
		if err != nil {
			return Message{}, fmt.Errorf("generate id: %w", err)
		}
		ids[i] = id
	}
	return Message{
		DeliveryUUID: ids[0], HookUUID: ids[1], ResourceType: "measurement", Action: "completed", OccurredAt: now,
		ResourceUUID: ids[2], ProjectUUID: DefaultProject,
	}, nil
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

// NewRequest returns the signed POST request of a body.
func NewRequest(ctx context.Context, url string, secret, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(SignatureHeader, Sign(secret, body))
	return r, nil
}

func appendString(to []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("intdash: marshal string: " + err.Error()) // cannot happen
	}
	return append(to, quoted...)
}

// newUUID returns a random UUID (RFC 9562 version 4).
func newUUID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
