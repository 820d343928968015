// Package s3send sends notifications as object stores do, each dialect byte by byte as its store writes it. Only `pointsman
// send` and tests use it: the router receives notifications and never sends any.
package s3send

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pointsman/pointsman/core/source/s3"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// TestEvent is the Message.Event that AWS (also over SNS) and versitygw send when notifications are set up.
const TestEvent = "s3:TestEvent"

// Message is one notification of a dialect. NewMessage sets defaults for all fields.
type Message struct {
	// Dialect is one of Dialects.
	Dialect string
	// Event is one of Events, TestEvent, or an event's name as the dialect writes it, such as "ObjectRestore:Completed".
	Event       string
	Bucket, Key string
	// Size and ETag of the object. Removals omit them where the dialect does.
	Size      int64
	ETag      string
	VersionID string
	// ContentType is sent by MinIO only.
	ContentType string
	// Sequencer is derived from Time if empty. VK's is a decimal number.
	Sequencer string
	Time      time.Time
	// Records is the number of records in a body, each about its own key, in the dialects that allow several. 0 is 1.
	Records                                    int
	Region, Principal, SourceIP, Configuration string
	// RequestID is the store's id of the request that caused the event; EventID is EventBridge's id of the event.
	RequestID, EventID string
}

// Events returns the dialect-independent names of events: an upload, a copy, a completed multipart upload, a removal, a
// removal that leaves a delete marker, changed tags.
func Events() []string {
	return []string{"created", "copied", "multipart", "removed", "marker", "tagged"}
}

// Dialects are the dialects of a Message.
func Dialects() []string { return slices.Sorted(maps.Keys(senders)) }

// NewMessage returns the notification of an upload with random ids.
func NewMessage(now time.Time, dialect string) (*Message, error) {
	s, err := senderOf(dialect)
	if err != nil {
		return nil, err
	}
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails
	m := &Message{
		Dialect: dialect, Event: "created", Bucket: "uploads", Key: "photos/cat.jpg", Size: 1024, ETag: hex.EncodeToString(id[:16]),
		Time: now, SourceIP: "192.0.2.10", RequestID: fmt.Sprintf("%X", id[16:]), EventID: uuid.NewString(),
	}
	s.defaults(m)
	return m, nil
}

func senderOf(dialect string) (*sender, error) {
	if s := senders[dialect]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no dialect %q: there is %s", dialect, strings.Join(Dialects(), ", "))
}

// sender describes how the stores of one dialect send notifications.
type sender struct {
	// defaults sets the values that such a store sends.
	defaults func(m *Message)
	// body returns the body of a request; record returns one of its records, for dialects that allow several.
	body   func(m *Message, name string) ordered
	record func(m *Message, name string) ordered
	// names maps events to names that differ from usualNames; an empty name means that the event is never sent.
	names map[string]string
	// prefixed names start with "s3:".
	prefixed bool
	// unversionedMarkers: the store does not send the version of a delete marker.
	unversionedMarkers bool
	// test returns the body of TestEvent, nil if the store does not send it.
	test func(m *Message) ordered
	// sequencer derives a sequencer from a time.
	sequencer func(t time.Time) string
	// escapesHTML: the store escapes & < > in JSON, as encoding/json does.
	escapesHTML bool
	// pathToken: the store can be configured with a URL only, so the token is the last segment of the path.
	pathToken   bool
	contentType string
	userAgent   string
}

// Body returns the body of the request with the spelling and member order of the dialect. For SNS it is the text that SNS
// wraps and signs.
func (m *Message) Body() ([]byte, error) {
	s, err := senderOf(m.Dialect)
	if err != nil {
		return nil, err
	}
	if m.Event == TestEvent {
		if s.test == nil {
			return nil, fmt.Errorf("stores of dialect %s send no test event: aws, sns and versitygw do", m.Dialect)
		}
		return s.test(m).encode(s.escapesHTML)
	}
	if s.record == nil && m.Records > 1 {
		return nil, fmt.Errorf("stores of dialect %s send one record in each request: aws, ceph, sns and vk may send several", m.Dialect)
	}
	name, err := s.name(m.Dialect, m.Event)
	if err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(m.Sequencer, 10, 63); m.Dialect == "vk" && m.Sequencer != "" && err != nil {
		return nil, fmt.Errorf("sequencer %q: VK's is the time of the event in seconds, a number", m.Sequencer)
	}
	if s.record == nil {
		return s.body(s.complete(m), name).encode(s.escapesHTML)
	}
	var records []ordered
	for i := range max(m.Records, 1) {
		records = append(records, s.record(s.complete(m.nth(i)), name))
	}
	return ordered{{"Records", records}}.encode(s.escapesHTML)
}

// name returns the dialect's name of an event.
func (s *sender) name(dialect, event string) (string, error) {
	name, own := s.names[event]
	switch {
	case !own && strings.ContainsAny(event, ": "):
		name = strings.TrimPrefix(event, "s3:")
	case !own:
		name = usualNames[event]
	}
	if name == "" && usualNames[event] != "" {
		return "", fmt.Errorf("stores of dialect %s send no event %q", dialect, event)
	}
	if name == "" {
		return "", fmt.Errorf("no event %q: there is %s, and the names as the store writes them", event, strings.Join(Events(), ", "))
	}
	if s.prefixed {
		name = "s3:" + name
	}
	return name, nil
}

var usualNames = map[string]string{
	"created":   "ObjectCreated:Put",
	"copied":    "ObjectCreated:Copy",
	"multipart": "ObjectCreated:CompleteMultipartUpload",
	"removed":   "ObjectRemoved:Delete",
	"marker":    "ObjectRemoved:DeleteMarkerCreated",
	"tagged":    "ObjectTagging:Put",
}

// complete returns the message with derived fields set.
func (s *sender) complete(m *Message) *Message {
	with := *m
	if with.Sequencer == "" {
		with.Sequencer = s.sequencer(m.Time)
	}
	if m.Event == "marker" && m.VersionID == "" && !s.unversionedMarkers {
		with.VersionID = m.EventID // a delete marker is a version
	}
	return &with
}

// nth returns the message of the i-th record of a body, with its own key and a later time.
func (m *Message) nth(i int) *Message {
	next := *m
	if i > 0 {
		ext := path.Ext(m.Key)
		next.Key = strings.TrimSuffix(m.Key, ext) + "-" + strconv.Itoa(i+1) + ext
		next.Time = m.Time.Add(time.Duration(i) * time.Millisecond)
	}
	return &next
}

// creation and removal report whether an event of that name is about new content, or about content that is gone.
func creation(name string) bool { return s3.TypeOf(name) == "s3.object.created" }
func removal(name string) bool  { return s3.TypeOf(name) == "s3.object.removed" }

// Published returns the message by which S3 publishes a notification to an SNS topic.
func Published(notification []byte) snsmessage.Message {
	return snsmessage.Message{Subject: "Amazon S3 Notification", HasSubject: true, Message: string(notification)}
}
