package snsmessage

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
)

func TestParseReadsWhatSNSAndEmulatorsSend(t *testing.T) {
	m := mustParse(t, readTestdata(t, "sns_A_notification_subject_v1.json"))
	want := &Message{
		Type: Notification, MessageID: "0a1b2c3d-0000-5000-8000-000000000001", TopicARN: testTopic,
		Subject: "Measurement finished", HasSubject: true, Message: "Average: 99.506109\nUnbiased Variance: 243.961858\n",
		Timestamp: "2024-05-01T12:34:56.789Z", SignatureVersion: "1", Signature: m.Signature, SigningCertURL: testCertURL,
		UnsubscribeURL: "https://" + testHost + "/?Action=Unsubscribe&SubscriptionArn=" + testTopic + ":11111111-2222-4333-8444-555555555555",
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if m := mustParse(t, readTestdata(t, "sns_C_subscription_confirmation_v2.json")); m.Token != "tok0123456789" || m.SubscribeURL == "" {
		t.Errorf("token %q, subscribe URL %q", m.Token, m.SubscribeURL)
	}
	if m := mustParse(t, readTestdata(t, "goaws_subscription.json")); m.Type != SubscriptionConfirmation || !m.HasSubject || m.Subject != "" {
		t.Errorf("goaws: %+v", m)
	}
	m = mustParse(t, readTestdata(t, "goaws_attributes.json"))
	if diff := cmp.Diff([]Attribute{{"k", "String", "v"}}, m.Attributes); diff != "" || m.Message != `{"hello":"世界"}` {
		t.Errorf("goaws: message %q, attributes %s", m.Message, diff)
	}
}

// body returns a valid notification with members replaced, or removed by null.
func body(t *testing.T, change map[string]string) []byte {
	t.Helper()
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(readTestdata(t, "sns_B_notification_no_subject_v1.json"), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		members[name] = json.RawMessage(value)
		if value == "" {
			delete(members, name)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseOptionalMembers(t *testing.T) {
	m := mustParse(t, body(t, map[string]string{
		"Subject": "null", "Message": `""`, "SequenceNumber": "7", "UnsubscribeURL": "", "type": `"Other"`,
		"MessageAttributes": `{"tenant":{"Type":"String","Value":"acme"},"b":{"Type":"Binary","Value":"AQI="}}`,
	}))
	if m.HasSubject || m.Subject != "" || m.Message != "" || m.Type != Notification {
		t.Errorf("%+v", m)
	}
	want := []Attribute{{"tenant", "String", "acme"}, {"b", "Binary", "AQI="}}
	if diff := cmp.Diff(want, m.Attributes); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"null", "{}"} {
		if m := mustParse(t, body(t, map[string]string{"MessageAttributes": text})); len(m.Attributes) != 0 {
			t.Errorf("%s: %v", text, m.Attributes)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct {
		body   []byte
		reason string
	}{
		"empty":               {nil, source.ReasonNotJSON},
		"cut":                 {[]byte(`{"Type":"Notification"`), source.ReasonNotJSON},
		"array":               {[]byte(`[]`), source.ReasonNotObject},
		"string, as goaws's":  {[]byte(`"raw one"`), source.ReasonNotObject},
		"not UTF-8":           {[]byte("{\"Type\":\"\xff\"}"), source.ReasonInvalidUTF8},
		"topic twice":         {[]byte(`{"TopicArn":"a","TopicArn":"b"}`), source.ReasonDuplicateKey},
		"topic twice, escape": {[]byte(`{"TopicArn":"a","Topic\u0041rn":"b"}`), source.ReasonDuplicateKey},
		"unknown type":        {body(t, map[string]string{"Type": `"Other"`}), unknownType},
		"type of other case":  {body(t, map[string]string{"Type": `"notification"`}), unknownType},
		"type is a number":    {body(t, map[string]string{"Type": `1`}), wrongType},
		"version is a number": {body(t, map[string]string{"SignatureVersion": `1`}), wrongType},
		"subject is a number": {body(t, map[string]string{"Subject": `1`}), wrongType},
		"message is null":     {body(t, map[string]string{"Message": `null`}), missingField},
		"empty topic":         {body(t, map[string]string{"TopicArn": `""`}), missingField},
		"no token":            {body(t, map[string]string{"Type": `"SubscriptionConfirmation"`, "SubscribeURL": `"x"`}), missingField},
		"no subscribe URL":    {body(t, map[string]string{"Type": `"UnsubscribeConfirmation"`, "Token": `"x"`}), missingField},
		"attributes a list":   {body(t, map[string]string{"MessageAttributes": `[]`}), wrongType},
		"attribute a string":  {body(t, map[string]string{"MessageAttributes": `{"k":"v"}`}), wrongType},
		"attribute a number":  {body(t, map[string]string{"MessageAttributes": `{"k":{"Type":"Number","Value":5}}`}), wrongType},
		"Lambda's spelling":   {body(t, map[string]string{"SigningCertURL": "", "SigningCertUrl": `"x"`}), missingField},
	}
	for _, name := range []string{"Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"} {
		c := cases["empty"]
		c.body, c.reason = body(t, map[string]string{name: ""}), missingField
		cases["no "+name] = c
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(c.body)
			wantUndecodable(t, err, c.reason)
			if m != nil {
				t.Error("a message comes with the error")
			}
		})
	}
}

func wantUndecodable(t *testing.T, err error, reason string) {
	t.Helper()
	u, ok := errors.AsType[*source.Undecodable](err)
	if !ok || u.Reason != reason || !slices.Contains(UndecodableReasons(), u.Reason) {
		t.Errorf("got %v, want undecodable: %s", err, reason)
	}
}

func TestParseAll(t *testing.T) {
	one := `{"EventVersion":"1.0","EventSource":"aws:sns","EventSubscriptionArn":"` + testTopic + `:1","Sns":%s}`
	sns := string(readTestdata(t, "sns_B_notification_no_subject_v2.json"))
	sns = strings.NewReplacer("SigningCertURL", "SigningCertUrl", "UnsubscribeURL", "UnsubscribeUrl", `"Message":`, `"Subject":null,"Message":`).Replace(sns)
	record := fmt.Sprintf(one, sns)
	got, err := ParseAll([]byte(`{"Records":[` + record + `,` + record + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := mustParse(t, readTestdata(t, "sns_B_notification_no_subject_v2.json"))
	if diff := cmp.Diff([]*Message{want, want}, got); diff != "" {
		t.Error(diff)
	}
	for text, reason := range map[string]string{
		`{}`:                               missingField,
		`{"Records":[]}`:                   missingField,
		`{"Records":{}}`:                   wrongType,
		`{"Records":[1]}`:                  source.ReasonNotObject,
		`{"Records":[{"Sns":[]}]}`:         wrongType,
		`{"Records":[{"sns":{}}]}`:         missingField,
		`{"Records":[{"Sns":{}}]}`:         missingField,
		`{"Records":[` + record + `,{}]}`:  missingField,
		`{"Records":[` + record + `]`:      source.ReasonNotJSON,
		`{"Records":[{"Sns":{"Type":1}}]}`: wrongType,
		`{"Records":[` + strings.Repeat("0,", maxRecords) + `0]}`: tooManyRecords,
	} {
		_, err := ParseAll([]byte(text))
		wantUndecodable(t, err, reason)
	}
}

func TestIsMessage(t *testing.T) {
	for text, want := range map[string]bool{
		`{"Type":"Notification","Signature":"x"}`:                                    true,
		`{"Signature":"","Type":"SubscriptionConfirmation"}`:                         true,
		`{"Type":"UnsubscribeConfirmation","Signature":"x","Records":[]}`:            true,
		`{"Type":"Notification"}`:                                                    false,
		`{"Type":"SubscriptionConfirmation","Token":"x","SignatureVersion":1}`:       false, // VK Cloud
		`{"Type":"Notification","Signature":1}`:                                      false,
		`{"type":"Notification","signature":"x"}`:                                    false,
		`{"Type":"Other","Signature":"x"}`:                                           false,
		`{"Type":null,"Signature":null}`:                                             false,
		`{"Records":[{"Sns":{"Type":"Notification","Signature":"x"}}]}`:              false,
		`{"\u0054ype":"Notification","Signature":"x","Message":{"Type":"whatever"}}`: true,
	} {
		members, err := source.ReadObject(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := IsMessage(members); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestCanonicalTextsByteForByte(t *testing.T) {
	names, err := filepath.Glob("testdata/sns_*.canonical.txt")
	if err != nil || len(names) != 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		want := string(readTestdata(t, name))
		for _, version := range []string{"1", "2"} {
			m := mustParse(t, readTestdata(t, strings.TrimSuffix(name, ".canonical.txt")+"_v"+version+".json"))
			if diff := cmp.Diff(want, string(m.canonical())); diff != "" {
				t.Errorf("%s version %s: %s", name, version, diff)
			}
		}
	}
}
