package s3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
)

// putRecord is a record of AWS. A test changes it by replacing texts.
const putRecord = `{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2024-05-01T12:34:56.789Z","eventName":"ObjectCreated:Put",` +
	`"userIdentity":{"principalId":"AWS:AIDAEXAMPLE"},"requestParameters":{"sourceIPAddress":"192.0.2.10"},"responseElements":{"x-amz-request-id":"C3D13FE58DE4C810"},` +
	`"s3":{"configurationId":"router","bucket":{"name":"src","arn":"arn:aws:s3:::src"},"object":{"key":"a.txt","size":1024,"eTag":"9a0364","versionId":"3HL4","sequencer":"0055AED6"}}}`

func bodyOf(records ...string) string { return `{"Records":[` + strings.Join(records, ",") + `]}` }

// changed returns putRecord with pairs of texts replaced; each old text must be there.
func changed(t testing.TB, pairs ...string) string {
	t.Helper()
	record := putRecord
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(record, pairs[i]) {
			t.Fatalf("the record holds no %s", pairs[i])
		}
		record = strings.Replace(record, pairs[i], pairs[i+1], 1)
	}
	return record
}

func decodeOne(t testing.TB, body string, o DecodeOptions) source.Event {
	t.Helper()
	events, err := Decode(dialectAuto, []byte(body), o)
	if err != nil || len(events) != 1 {
		t.Fatalf("Decode: %d events, %v", len(events), err)
	}
	if tt, ok := t.(*testing.T); ok {
		checkEnvelope(tt, events[0].Envelope)
	}
	return events[0]
}

func TestTestEvents(t *testing.T) {
	for name, body := range map[string]string{
		"AWS": recorded(t, "aws-test"), "versitygw": recorded(t, "versitygw-test"), "inside SNS": recorded(t, "sns-test"),
		"as a record": bodyOf(changed(t, "ObjectCreated:Put", "s3:TestEvent")), "as records": bodyOf(changed(t, "ObjectCreated:Put", "TestEvent"), changed(t, "ObjectCreated:Put", "TestEvent")),
	} {
		events, err := decodeAny(dialectAuto, []byte(body), DecodeOptions{Buckets: []string{"other"}})
		if len(events) != 0 || err != nil {
			t.Errorf("%s: %v, %v, want nothing", name, events, err)
		}
	}
}

func TestUndecodable(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"empty", ``, source.ReasonNotJSON},
		{"not JSON", `<Records/>`, source.ReasonNotJSON},
		{"array", `[]`, source.ReasonNotObject},
		{"no member", `{}`, notS3},
		{"records in another case", `{"records":[` + putRecord + `]}`, notS3},
		{"no records", `{"Records":[]}`, noRecords},
		{"null", `{"Records":null}`, noRecords},
		{"object", `{"Records":{}}`, noRecords},
		{"text", `{"Records":"x"}`, noRecords},
		{"record null", bodyOf("null"), wrongType},
		{"record array", bodyOf("[]"), wrongType},
		{"record empty", bodyOf("{}"), notS3},
		{"another source", bodyOf(changed(t, "aws:s3", "aws:sqs")), notS3},
		{"source in another case", bodyOf(changed(t, "eventSource", "EventSource")), notS3},
		{"no bucket", bodyOf(changed(t, `"name":"src",`, "")), missingField},
		{"null bucket", bodyOf(changed(t, `"name":"src"`, `"name":null`)), missingField},
		{"number as bucket", bodyOf(changed(t, `"name":"src"`, `"name":1`)), missingField},
		{"no key", bodyOf(changed(t, `"key":"a.txt",`, "")), missingField},
		{"null key", bodyOf(changed(t, `"a.txt"`, "null")), missingField},
		{"key in another case", bodyOf(changed(t, `"key"`, `"Key"`)), missingField},
		{"no name", bodyOf(changed(t, `"eventName":"ObjectCreated:Put",`, "")), missingField},
		{"no s3", bodyOf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}`), missingField},
		{"s3 an array", bodyOf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":[]}`), missingField},
		{"key not UTF-8", bodyOf(changed(t, "a.txt", "\xff")), source.ReasonInvalidUTF8},
		{"key with half a surrogate", bodyOf(changed(t, "a.txt", `\ud800`)), source.ReasonInvalidUTF8},
		{"key twice", bodyOf(changed(t, `"key":"a.txt"`, `"key":"a","key":"b"`)), source.ReasonDuplicateKey},
		{"deep", bodyOf(changed(t, `"a.txt"`, strings.Repeat("[", 100)+strings.Repeat("]", 100))), source.ReasonTooDeep},
		{"members without end", bodyOf(changed(t, `"object":{`, `"object":{`+manyMembers(1100))), missingField},
		{"1,001 records", bodyOf(slices.Repeat([]string{"{}"}, 1001)...), tooManyRecords},
		{"10,000 records", bodyOf(slices.Repeat([]string{"{}"}, 10_000)...), tooManyRecords},
		{"SNS without S3", recorded(t, "sns-no-s3"), source.ReasonNotJSON},
		{"SNS in SNS", strings.Replace(recorded(t, "sns-no-s3"), `"Average: 99.506109\n"`, `"{\"Type\":\"Notification\",\"Signature\":\"x\"}"`, 1), wrongDialect},
		{"Lambda", recorded(t, "lambda-sns"), notS3},
		{"intdash", recorded(t, "intdash"), notS3},
		{"EventBridge of another kind", `{"source":"aws.s3","detail-type":"AWS API Call via CloudTrail","detail":{"eventName":"PutObject"}}`, missingField},
		{"EventBridge without detail", `{"source":"aws.s3","detail-type":"Object Created"}`, notS3},
		{"EventBridge of EC2", `{"source":"aws.ec2","detail-type":"x","detail":{}}`, notS3},
		{"VK Cloud's question without a token", `{"Type":"SubscriptionConfirmation","TopicArn":"a|b|c","Timestamp":"x"}`, missingField},
	}
	for _, tt := range tests {
		events, err := decodeAny(dialectAuto, []byte(tt.body), DecodeOptions{})
		if reason(err) != tt.want || len(events) != 0 {
			t.Errorf("%s: %d events, %v, want %s", tt.name, len(events), err, tt.want)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	return b.String()
}

func TestSeveralRecords(t *testing.T) {
	var records []string
	for i := range 1000 {
		records = append(records, changed(t, "a.txt", fmt.Sprintf("key-%d", i)))
	}
	events, err := Decode(dialectAuto, []byte(bodyOf(records...)), DecodeOptions{})
	if err != nil || len(events) != 1000 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	ids := map[string]bool{}
	for i, e := range events {
		if e.Envelope.GetS3().GetObject().GetKey() != fmt.Sprintf("key-%d", i) || string(e.Envelope.GetBody()) != records[i] {
			t.Fatalf("event %d is of %s with body %s", i, e.Envelope.GetSubject(), e.Envelope.GetBody())
		}
		ids[e.Envelope.GetId()] = true
	}
	if len(ids) != 1000 {
		t.Errorf("%d ids", len(ids))
	}
	mixed, err := Decode(dialectAuto, []byte(bodyOf(putRecord, changed(t, `"2.1"`, `"9.9"`), "null", putRecord, "{}")), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range mixed {
		checkEnvelope(t, e.Envelope)
		got = append(got, e.Envelope.GetType()+" "+e.Quarantine)
	}
	want := []string{
		"s3.object.created ", "s3.quarantined unknown_version: eventVersion is not 2.x, the version of dialect aws",
		"s3.quarantined wrong_type: the record is not an object", "s3.object.created ", "s3.quarantined not_s3: eventSource is not that of a known store",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// With several stores in one body each record is read as its own.
	two, err := Decode(dialectAuto, []byte(bodyOf(changed(t, "a.txt", "a+b"), changed(t, "a.txt", "a+b", "aws:s3", "ceph:s3"))), DecodeOptions{})
	if err != nil || two[0].Envelope.GetSubject() != "src/a b" || two[1].Envelope.GetSubject() != "src/a+b" {
		t.Errorf("%v, %v", two, err)
	}
}
