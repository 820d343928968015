package s3

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TestEvent as the Event of a Message is what AWS (over SNS too) and versitygw send when notifications are set up.
const TestEvent = "s3:TestEvent"

// Message is one notification as the stores of a dialect send it. NewMessage fills in what the caller has no opinion about.
type Message struct {
	// Dialect is one of SentDialects.
	Dialect string
	// Event is one of SentEvents, TestEvent, or an event's name as the dialect writes it, such as "ObjectRestore:Completed".
	Event       string
	Bucket, Key string
	// Size and ETag are of the object; what a dialect does not tell about a removal is left out.
	Size      int64
	ETag      string
	VersionID string
	// ContentType is told by MinIO only.
	ContentType string
	// Sequencer is made of Time, in the way of the dialect, when it is empty. VK's is a decimal number.
	Sequencer string
	Time      time.Time
	// Records is how many records one body holds, in the dialects that have several; each is about a key of its own. 0 is 1.
	Records                                    int
	Region, Principal, SourceIP, Configuration string
	// RequestID is what the store calls the request that caused the event; EventBridge's own id is EventID.
	RequestID, EventID string
}

// SentEvents are the words for what may have happened: an upload, a copy made, an upload in parts completed, a removal, a
// removal that leaves a delete marker, changed tags.
func SentEvents() []string {
	return []string{"created", "copied", "multipart", "removed", "marker", "tagged"}
}

// SentDialects are the dialects of a Message.
func SentDialects() []string { return slices.Sorted(maps.Keys(senders)) }

// NewMessage returns an upload as a store of that dialect tells it, with ids that random supplies.
func NewMessage(random io.Reader, now time.Time, dialect string) (*Message, error) {
	s := senders[dialect]
	if s == nil {
		return nil, fmt.Errorf("no dialect %q: there is %s", dialect, strings.Join(SentDialects(), ", "))
	}
	var b [48]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("make ids: %w", err)
	}
	m := &Message{
		Dialect: dialect, Event: "created", Bucket: "uploads", Key: "photos/cat.jpg", Size: 1024, ETag: fmt.Sprintf("%x", b[:16]),
		Time: now, SourceIP: "192.0.2.10", RequestID: fmt.Sprintf("%X", b[16:24]),
		EventID: fmt.Sprintf("%x-%x-%x-%x-%x", b[24:28], b[28:30], b[30:32], b[32:34], b[34:40]),
	}
	s.defaults(m)
	return m, nil
}

// sender is what the stores of one dialect have in common as senders of notifications.
type sender struct {
	// defaults are what such a store says where a Message has no value of its own.
	defaults func(m *Message)
	// body is one request's body, record one of its records for those that have several in a list.
	body   func(m *Message, name string) ordered
	record func(m *Message, name string) ordered
	// names are the events whose name is not the usual one; an empty one is never sent.
	names map[string]string
	// prefixed names start with "s3:".
	prefixed bool
	// unversionedMarkers: the version of a delete marker is not told.
	unversionedMarkers bool
	// test is the body of TestEvent, for those that send it.
	test func(m *Message) ordered
	// sequencer is made of a time.
	sequencer func(t time.Time) string
	// escapesHTML is how a store written in Go spells & < > in JSON.
	escapesHTML bool
	// pathToken: nothing but a URL can be told such a store, so its token stands at the end of the path.
	pathToken   bool
	contentType string
	userAgent   string
}

// Body returns the body of the request, byte by byte in the spelling and order of the dialect. That of SNS is the text that
// SNS then wraps and signs.
func (m *Message) Body() ([]byte, error) {
	s := senders[m.Dialect]
	if s == nil {
		return nil, fmt.Errorf("no dialect %q: there is %s", m.Dialect, strings.Join(SentDialects(), ", "))
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
	if _, err := strconv.ParseUint(m.Sequencer, 10, 63); m.Dialect == dialectVK && m.Sequencer != "" && err != nil {
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

// name is what the dialect calls an event.
func (s *sender) name(dialect, event string) (string, error) {
	name, own := s.names[event]
	switch {
	case !own && strings.ContainsAny(event, ": "):
		name = bareName(event)
	case !own:
		name = usualNames[event]
	}
	if name == "" && usualNames[event] != "" {
		return "", fmt.Errorf("stores of dialect %s send no event %q", dialect, event)
	}
	if name == "" {
		return "", fmt.Errorf("no event %q: there is %s, and the names as the store writes them", event, strings.Join(SentEvents(), ", "))
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

// complete returns the message with what follows from the rest.
func (s *sender) complete(m *Message) *Message {
	with := *m
	if with.Sequencer == "" {
		with.Sequencer = s.sequencer(m.Time)
	}
	if m.Event == "marker" && m.VersionID == "" && !s.unversionedMarkers {
		with.VersionID = m.EventID // a marker is a version
	}
	return &with
}

// nth returns the message of the i-th record of a body: the next key, a little later.
func (m *Message) nth(i int) *Message {
	next := *m
	if i > 0 {
		ext := path.Ext(m.Key)
		next.Key = strings.TrimSuffix(m.Key, ext) + "-" + strconv.Itoa(i+1) + ext
		next.Time = m.Time.Add(time.Duration(i) * time.Millisecond)
	}
	return &next
}

// removal says whether a record of that name tells nothing about the content.
func removal(name string) bool { return typeOf(name) == typeRemoved }
