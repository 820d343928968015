package s3

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// Reasons why an authentic body or one of its records is quarantined, besides those of source.ReadObject.
const (
	missingField   = "missing_field"
	wrongType      = "wrong_type"
	noRecords      = "no_records"
	tooManyRecords = "too_many_records"
	notS3          = "not_s3"
	wrongDialect   = "wrong_dialect"
	unknownVersion = "unknown_version"
)

func quarantineReasons() []string {
	// These include source.JSONReasons, missingField, wrongType and tooManyRecords.
	return append(snsmessage.UndecodableReasons(), noRecords, notS3, wrongDialect, unknownVersion)
}

// reasonBucket is the reason for refusing an authentic body about a bucket that is not in the allow-list.
const reasonBucket = "bucket"

// maxRecords limits the records of one body. All known stores send one.
const maxRecords = 1000

// DecodeOptions control what Decode accepts. The zero value accepts everything.
type DecodeOptions struct {
	// Keys controls whether keys are unescaped: "dialect" or "" depending on the record's dialect, "always" or "never".
	Keys string
	// Buckets is the allow-list; * matches any characters. Empty: all buckets.
	Buckets []string
	// Window is the dedupe window, 0 for the journal's default.
	Window time.Duration
}

// Decode returns the events of one body, in order. It is pure. dialect is the one to accept, "auto" or "" for any. It returns
// no events and no error for a store's test notification. The caller sets the fields of an envelope that source.Request
// lists; with several records, Body of each event is its record.
//
// Single records may be quarantined. The error is *source.Undecodable if the whole body is, and *source.Refused if any record
// names a bucket that is not allowed.
func Decode(dialect string, body []byte, o DecodeOptions) ([]source.Event, error) {
	top, err := source.ReadObject(string(body), make([]source.Member, 0, 16))
	if err != nil {
		return nil, err
	}
	return decode(dialect, top, &o)
}

// decode turns a parsed body into events: those of its records, or one of EventBridge.
func decode(dialect string, top source.Object, o *DecodeOptions) ([]source.Event, error) {
	switch shapeOf(top) {
	case shapeTest:
		return nil, nil
	case shapeSNS:
		return nil, &source.Undecodable{Reason: wrongDialect, Detail: "an Amazon SNS message, but this source has no block sns"}
	case shapeEventBridge:
		return decodeBridge(dialect, top, o)
	case shapeRecords:
		return decodeRecords(dialect, top, o)
	case shapeVKConfirmation:
		if !accepts(dialect, dialectVK) {
			return nil, notOfDialect(dialect, dialectVK)
		}
		return nil, &source.Undecodable{Reason: missingField, Detail: "a confirmation without Timestamp, TopicArn or Token"}
	}
	return nil, &source.Undecodable{Reason: notS3, Detail: "no notification of S3 in any known form"}
}

// shape is the outer form of a body.
type shape int

const (
	shapeOther shape = iota
	shapeVKConfirmation
	shapeSNS
	shapeTest
	shapeRecords
	shapeEventBridge
)

// shapeOf compares names exactly: SNS messages in a Lambda event differ from S3 records only in the case of letters.
func shapeOf(top source.Object) shape {
	switch {
	case top.Text("resource_type") != "" && top.Text("action") != "":
		return shapeOther // intdash
	case top.Text("Type") == snsmessage.SubscriptionConfirmation && !top.Has("SubscribeURL"):
		return shapeVKConfirmation
	case snsmessage.IsMessage(top):
		return shapeSNS
	case bareName(top.Text("Event")) == testEvent:
		return shapeTest
	case top.Has("Records"):
		return shapeRecords
	case top.Text("source") == "aws.s3" && top.Has("detail-type") && top.Has("detail"):
		return shapeEventBridge
	}
	return shapeOther
}

func notOfDialect(want, found string) error {
	return &source.Undecodable{Reason: wrongDialect, Detail: "the dialect is " + found + ", this source accepts only " + want}
}

// decodeSNS decodes the notification inside a verified SNS message. Only AWS sends through SNS.
func decodeSNS(dialect string, m *snsmessage.Message, o DecodeOptions) ([]source.Event, error) {
	switch {
	case m.Type != snsmessage.Notification:
		return nil, nil
	case !accepts(dialect, dialectSNS):
		return nil, notOfDialect(dialect, dialectSNS)
	}
	events, err := Decode(dialectAWS, []byte(m.Message), o)
	for i := range events {
		e := events[i].Envelope
		if e.TimeUnixNano == 0 {
			e.TimeUnixNano = source.UnixNano(m.Timestamp)
		}
		e.Attributes = append(e.Attributes, attributes("sns_topic_arn", m.TopicARN, "sns_message_id", m.MessageID)...)
	}
	return events, err
}

func decodeBridge(dialect string, top source.Object, o *DecodeOptions) ([]source.Event, error) {
	n := bridgeNotice(top)
	if err := checkBucket(n.data.GetObject().GetBucket(), o); err != nil {
		return nil, err
	}
	if !accepts(dialect, dialectEventBridge) {
		return nil, notOfDialect(dialect, dialectEventBridge)
	}
	event, err := n.event(o)
	if err != nil {
		return nil, err
	}
	return []source.Event{event}, nil
}

// decodeRecords decodes the member Records. A record that cannot be decoded is quarantined; the others are stored.
func decodeRecords(dialect string, top source.Object, o *DecodeOptions) ([]source.Event, error) {
	records, err := readRecords(top.Find("Records"))
	if err != nil {
		return nil, err
	}
	inMinIO := top.Has("EventName") && top.Has("Key")
	if len(records) == 1 { // the event keeps the whole body
		event, err := decodeRecord(dialect, &records[0], inMinIO, o)
		if err != nil || event.Envelope == nil {
			return nil, err
		}
		return []source.Event{event}, nil
	}
	events := make([]source.Event, 0, len(records))
	for i := range records {
		own := []byte(records[i].Raw)
		event, err := decodeRecord(dialect, &records[i], inMinIO, o)
		undecodable, ok := errors.AsType[*source.Undecodable](err)
		if err != nil && !ok {
			return nil, err
		}
		if ok {
			event = source.Quarantined(Name, own, undecodable)
		}
		if event.Envelope != nil {
			event.Envelope.Body, event.Envelope.ContentType = own, "application/json"
			events = append(events, event)
		}
	}
	return events, nil
}

// readRecords returns the elements of the member Records, up to the limit.
func readRecords(m *source.Member) ([]source.Member, error) {
	if m.Kind != source.JSONArray {
		return nil, &source.Undecodable{Reason: noRecords, Detail: "Records is not an array"}
	}
	records, err := m.Elements(maxRecords)
	if err != nil { // everything but the number was checked with the body
		return nil, &source.Undecodable{Reason: tooManyRecords, Detail: "more than " + strconv.Itoa(maxRecords) + " records"}
	}
	if len(records) == 0 {
		return nil, &source.Undecodable{Reason: noRecords, Detail: "Records is empty"}
	}
	return records, nil
}

// decodeRecord returns the event of one record. The event has no envelope if the record is a store's test.
func decodeRecord(dialect string, m *source.Member, inMinIO bool, o *DecodeOptions) (source.Event, error) {
	r, err := readRecord(m)
	if err != nil {
		return source.Event{}, err
	}
	if bareName(r.top.Text("eventName")) == testEvent {
		return source.Event{}, nil
	}
	if err := checkBucket(r.bucket.Text("name"), o); err != nil {
		return source.Event{}, err
	}
	found := dialectOf(r, inMinIO)
	switch {
	case found == "":
		return source.Event{}, &source.Undecodable{Reason: notS3, Detail: "eventSource is not that of a known store"}
	case !accepts(dialect, found):
		return source.Event{}, notOfDialect(dialect, found)
	case dialect == dialectVersityGW:
		found = dialect
	}
	if err := r.checkVersion(found); err != nil {
		return source.Event{}, err
	}
	return r.notice(found).event(o)
}

// checkBucket refuses a bucket that is not in the allow-list. Records without a bucket pass, and are quarantined later.
func checkBucket(name string, o *DecodeOptions) error {
	if name == "" || allowed(o.Buckets, name) {
		return nil
	}
	return refusedBucket()
}

func refusedBucket() *source.Refused {
	return &source.Refused{Reason: reasonBucket, Status: http.StatusForbidden, Detail: "the source does not accept this bucket: add it to its buckets"}
}
