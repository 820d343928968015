package ruletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/source"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// envelopes makes the events of an `event` block. It reports why it cannot.
func (w *World) envelopes(e *config.TestEvent, d *config.Diagnostics) []*pointsmanv1.Envelope {
	switch {
	case e.Recorded != nil:
		return w.recorded(e, d)
	case e.Source == nil:
		return nil // reported
	case e.Body != nil:
		return w.decoded(e, d)
	case e.Type != "":
		return fields(e, d)
	}
	return nil // reported
}

func report(d *config.Diagnostics, rng hcl.Range, summary, format string, a ...any) {
	d.Append(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, a...), Subject: &rng})
}

// decoded has the source decode a body.
func (w *World) decoded(e *config.TestEvent, d *config.Diagnostics) []*pointsmanv1.Envelope {
	sample := source.Sample{Header: http.Header{}, Body: e.Body, Received: e.Received}
	for name, value := range e.Headers {
		sample.Header.Set(name, value)
	}
	if c := e.Client; c != nil {
		sample.Client = &source.Client{Event: c.Event, Room: c.Room, User: c.User}
	}
	events, err := w.Decode(e.Source.Name, sample)
	undecodable, quarantined := errors.AsType[*source.Undecodable](err)
	refused, isRefused := errors.AsType[*source.Refused](err)
	switch {
	case quarantined:
		report(d, e.BodyRange, "Body cannot be decoded", "Source %q would keep it in quarantine, where no rule sees it: %s.", e.Source.Name, undecodable)
	case isRefused:
		report(d, e.BodyRange, "Body is refused", "Source %q would refuse it (%s).%s", e.Source.Name, refused.Reason, sentence(refused.Detail))
	case err != nil:
		report(d, e.BodyRange, "Body makes no event", "Source %q: %s.", e.Source.Name, err)
	case len(events) == 0:
		report(d, e.BodyRange, "Body makes no event", "Source %q answers it and stores nothing.", e.Source.Name)
	}
	if err != nil {
		return nil
	}
	var all []*pointsmanv1.Envelope
	for _, event := range events {
		if event.Quarantine != "" {
			report(d, e.BodyRange, "Body cannot be decoded", "Source %q would keep a part of it in quarantine, where no rule sees it: %s.", e.Source.Name, event.Quarantine)
			continue
		}
		all = append(all, event.Envelope)
	}
	return all
}

// sentence makes a further sentence of a detail that begins with a small letter.
func sentence(detail string) string {
	if detail == "" {
		return ""
	}
	return " " + strings.ToUpper(detail[:1]) + detail[1:] + "."
}

// fields makes an event of the fields in its block.
func fields(e *config.TestEvent, d *config.Diagnostics) []*pointsmanv1.Envelope {
	env := &pointsmanv1.Envelope{
		Id: e.ID, Source: e.Source.Name, Kind: e.Source.Kind, Type: e.Type, Subject: e.Subject, ReceivedUnixNano: e.Received.UnixNano(),
	}
	if env.Id == "" {
		env.Id = "test"
	}
	if !e.Time.IsZero() {
		env.TimeUnixNano = e.Time.UnixNano()
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		env.Attributes = append(env.Attributes, &pointsmanv1.Attribute{Name: name, Value: e.Attributes[name]})
	}
	data := e.Data
	if data == nil {
		data = []byte("{}")
	}
	if err := setData(env, e.Source.Data, data); err != nil {
		report(d, e.DataRange(err.path), err.summary, "%s", err.detail)
		return nil
	}
	return []*pointsmanv1.Envelope{env}
}

// recorded finds an event in an export.
func (w *World) recorded(e *config.TestEvent, d *config.Diagnostics) []*pointsmanv1.Envelope {
	documents, err := exported(e.Recorded)
	if err != nil {
		report(d, e.BodyRange, "Export cannot be read", "It must be what \"pointsman events show --json\" prints, once or several times: %s.", err)
		return nil
	}
	var found *adminv1.GetEventResponse
	var ids []string
	for _, doc := range documents {
		id := doc.GetEvent().GetId()
		ids = append(ids, id)
		if found == nil && (e.ID == "" && len(documents) == 1 || e.ID != "" && (e.ID == id || e.ID == strconv.FormatInt(doc.GetEvent().GetNumber(), 10))) {
			found = doc
		}
	}
	name := found.GetEvent().GetSource()
	if e.Source != nil {
		name = e.Source.Name
	}
	i := slices.IndexFunc(w.Config.Sources, func(s *config.Source) bool { return s.Name == name })
	switch content := found.GetContent(); {
	case found == nil && e.ID == "":
		report(d, e.BodyRange, "Export has several events", "Write id = \"...\", one of %s.", strings.Join(ids, ", "))
	case found == nil:
		report(d, e.BodyRange, "No such event", "The export has no event with the id or number %q. It has %s.", e.ID, strings.Join(ids, ", "))
	case i < 0:
		report(d, e.BodyRange, "Unknown source", "The event came from source %q, which the configuration does not have. Write source = \"...\", the one to take it for.", name)
	case content.GetSensitive():
		report(d, e.BodyRange, "Event without content", "Its source is sensitive, so the export does not hold what it said.")
	case found.GetEvent().GetQuarantineReason() != "":
		report(d, e.BodyRange, "Event in quarantine", "No rule sees it: %s.", found.GetEvent().GetQuarantineReason())
	default:
		env, err := recordedEnvelope(found, w.Config.Sources[i])
		if err != nil {
			report(d, e.BodyRange, err.summary, "%s", err.detail)
			return nil
		}
		return []*pointsmanv1.Envelope{env}
	}
	return nil
}

// maxExported bounds the events of one export.
const maxExported = 10000

// exported reads a sequence of documents.
func exported(text []byte) ([]*adminv1.GetEventResponse, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var all []*adminv1.GetEventResponse
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		doc := new(adminv1.GetEventResponse)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, doc); err != nil {
			return nil, err
		}
		if doc.GetEvent() == nil || doc.GetContent() == nil {
			return nil, errors.New("a document has no event with content")
		}
		if all = append(all, doc); len(all) > maxExported {
			return nil, fmt.Errorf("more than %d events", maxExported)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it is empty")
	}
	return all, nil
}

// RecordedEnvelope is the envelope of an event that the admin API has returned with its content, as one of source s.
func RecordedEnvelope(doc *adminv1.GetEventResponse, s *config.Source) (*pointsmanv1.Envelope, error) {
	env, err := recordedEnvelope(doc, s)
	if err != nil {
		return nil, errors.New(err.detail)
	}
	return env, nil
}

func recordedEnvelope(doc *adminv1.GetEventResponse, s *config.Source) (*pointsmanv1.Envelope, *fillError) {
	e, c := doc.GetEvent(), doc.GetContent()
	env := &pointsmanv1.Envelope{
		Id: e.GetId(), Source: s.Name, Kind: s.Kind, Type: e.GetType(), Subject: e.GetSubject(), ReceivedUnixNano: e.GetReceived().AsTime().UnixNano(),
		ContentType: c.GetContentType(), Body: c.GetBody(), VerifiedBy: c.GetVerifiedBy(), HopCount: uint32(max(0, c.GetHopCount())), TraceParent: c.GetTraceParent(),
	}
	if t := c.GetTime(); t != nil {
		env.TimeUnixNano = t.AsTime().UnixNano()
	}
	for _, a := range c.GetAttributes() {
		env.Attributes = append(env.Attributes, &pointsmanv1.Attribute{Name: a.GetName(), Value: a.GetValue()})
	}
	text := c.GetDataJson()
	if text == "" || text == "null" {
		return env, nil
	}
	if err := setData(env, s.Data, []byte(text)); err != nil {
		return nil, err
	}
	return env, nil
}

// setData fills the message of event.data for a kind of source from a JSON object with the names of its fields.
func setData(env *pointsmanv1.Envelope, kind string, text []byte) *fillError {
	m := env.ProtoReflect()
	oneof := m.Descriptor().Oneofs().ByName("data").Fields()
	field := oneof.ByName(protoreflect.Name(kind))
	if field == nil {
		field = oneof.ByName("json")
	}
	into := m.NewField(field)
	if err := fillMessage(into.Message(), "event.data of "+kind+" events", text); err != nil {
		return err
	}
	m.Set(field, into)
	return nil
}
