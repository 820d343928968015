package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pointsman/pointsman/core/admin"
	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/ruletest"
	"github.com/pointsman/pointsman/core/source"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// maxExplained bounds the events of one file.
const maxExplained = 1000

// Explain returns what the rules of the configuration say about an event, in the form of the admin API: all rules, or only the one
// named by only.
func (o *Offline) Explain(env *pointsmanv1.Envelope, only string) (*adminv1.ExplainEventResponse, error) {
	if err := o.knows(env.GetSource(), only); err != nil {
		return nil, err
	}
	answer := &adminv1.ExplainEventResponse{
		Event: &adminv1.Event{Source: env.GetSource(), Id: env.GetId(), Type: env.GetType(), Subject: env.GetSubject()},
		Rules: explain(o.Config, o.Rules, env, only),
	}
	if t := env.GetReceivedUnixNano(); t != 0 {
		answer.Event.Received = timestamppb.New(time.Unix(0, t))
	}
	if env.GetSensitive() {
		admin.WithholdContent(answer.Rules)
	}
	return answer, nil
}

// ExplainRecorded is Explain for an event as the admin API returns it, with what became of it.
func (o *Offline) ExplainRecorded(recorded *adminv1.GetEventResponse, only string) (*adminv1.ExplainEventResponse, error) {
	if recorded.GetEvent().GetQuarantineReason() != "" {
		return &adminv1.ExplainEventResponse{Event: recorded.GetEvent()}, nil
	}
	env, err := o.envelope(recorded)
	if err != nil {
		return nil, err
	}
	answer, err := o.Explain(env, only)
	if err != nil {
		return nil, err
	}
	answer.Event, answer.Deliveries = recorded.GetEvent(), recorded.GetDeliveries()
	return answer, nil
}

// envelope is the envelope of an event that the admin API has returned.
func (o *Offline) envelope(recorded *adminv1.GetEventResponse) (*pointsmanv1.Envelope, error) {
	name := recorded.GetEvent().GetSource()
	switch {
	case recorded.GetContent().GetSensitive():
		return nil, fmt.Errorf("the content of event %d is withheld, because source %q is sensitive: ask the running router for an explanation", recorded.GetEvent().GetNumber(), name)
	case recorded.GetEvent().GetQuarantineReason() != "":
		return nil, fmt.Errorf("the event is quarantined, where no rule sees it: %s", recorded.GetEvent().GetQuarantineReason())
	}
	if err := o.knows(name, ""); err != nil {
		return nil, err
	}
	env, err := ruletest.RecordedEnvelope(recorded, o.Source(name))
	if err != nil {
		return nil, fmt.Errorf("the event's data do not fit source %q: %w", name, err)
	}
	return env, nil
}

// ReadEvents reads JSON documents: envelopes, or what `pointsman events show --json` prints.
func (o *Offline) ReadEvents(text []byte) (events []*pointsmanv1.Envelope, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var document json.RawMessage
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF) && len(events) > 0:
			return events, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("there is no event in it")
		case err != nil:
			return nil, fmt.Errorf("it is not JSON: %w", err)
		case len(events) == maxExplained:
			return nil, fmt.Errorf("it has more than %d events", maxExplained)
		}
		e, err := o.readEvent(document)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}

func (o *Offline) readEvent(document []byte) (*pointsmanv1.Envelope, error) {
	var form struct {
		Event json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(document, &form); err != nil {
		return nil, errors.New("an event must be a JSON object")
	}
	if form.Event != nil {
		recorded := new(adminv1.GetEventResponse)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(document, recorded); err != nil {
			return nil, fmt.Errorf("it is not what \"events show --json\" prints: %s", plain(err))
		}
		return o.envelope(recorded)
	}
	env := new(pointsmanv1.Envelope)
	if err := protojson.Unmarshal(document, env); err != nil {
		return nil, fmt.Errorf("it is neither what \"events show --json\" prints, nor an envelope (pointsman.v1.Envelope as JSON): %s", plain(err))
	}
	return env, o.knows(env.GetSource(), "")
}

// plain is the text of an error of protojson, which varies its spaces on purpose.
func plain(err error) string {
	return strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "proto: ")
}

// DecodeBody has a source decode a body, and returns its events. It is an error if one of them would be quarantined.
func (o *Offline) DecodeBody(name string, s source.Sample) ([]*pointsmanv1.Envelope, error) {
	if err := o.knows(name, ""); err != nil {
		return nil, err
	}
	found, err := o.Decode(name, s)
	if undecodable, ok := errors.AsType[*source.Undecodable](err); ok {
		return nil, fmt.Errorf("source %q would quarantine the body, where no rule sees it: %w", name, undecodable)
	}
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", name, err)
	}
	var events []*pointsmanv1.Envelope
	for _, e := range found {
		if e.Quarantine != "" {
			return nil, fmt.Errorf("source %q would quarantine a part of the body, where no rule sees it: %s", name, e.Quarantine)
		}
		e.Envelope.Sensitive = o.Source(name).Sensitive
		events = append(events, e.Envelope)
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("source %q answers this body and stores no event", name)
	}
	return events, nil
}

// knows returns an error if the configuration does not have a source or rule. Empty is no rule.
func (o *Offline) knows(name, rule string) error {
	var sources, rules []string
	for _, s := range o.Config.Sources {
		sources = append(sources, s.Name)
	}
	for _, r := range o.Config.Rules {
		rules = append(rules, r.Name)
	}
	if err := knownAs("source", name, sources); err != nil {
		return err
	}
	if rule == "" {
		return nil
	}
	return knownAs("rule", rule, rules)
}

// UnknownError says that the configuration does not have what was named.
type UnknownError struct{ text string }

func (e *UnknownError) Error() string { return e.text }

func knownAs(what, name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	hint := ""
	if near := config.Suggest(name, known); near != "" {
		hint = fmt.Sprintf(" Did you mean %q?", near)
	}
	if len(known) == 0 {
		known = []string{"none"}
	}
	return &UnknownError{fmt.Sprintf("the configuration has no %s %q.%s It has: %s", what, name, hint, strings.Join(known, ", "))}
}
