package s3

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
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

func TestKeys(t *testing.T) {
	tests := []struct {
		dialect, mode, written, want string
		raw                          bool
	}{
		{dialectAWS, "", `photos/my+cat+%E7%8C%AB.jpg`, "photos/my cat 猫.jpg", false},
		{dialectAWS, "", `a%2Bb+c.txt`, "a+b c.txt", false},
		{dialectAWS, "", `Happy%20Face.jpg`, "Happy Face.jpg", false},
		{dialectAWS, "", `dir%2Ffile%3D1%26x`, "dir/file=1&x", false},
		{dialectAWS, "", `100%25.txt`, "100%.txt", false},
		{dialectAWS, "", `100%252B`, "100%2B", false}, // once and not again
		{dialectAWS, "", `100%.txt`, "100%.txt", true},
		{dialectAWS, "", `a+b%`, "a+b%", true},
		{dialectAWS, "", `a%FF+b`, "a%FF+b", true}, // would be no UTF-8
		{dialectAWS, keysAlways, `a+b`, "a b", false},
		{dialectAWS, keysNever, `a+b%20`, "a+b%20", false},
		{dialectMinIO, "", `photos%2Fmy+cat.jpg`, "photos/my cat.jpg", false},
		{dialectMinIO, keysByDialect, `a%2Bb`, "a+b", false},
		{dialectCeph, "", `a+b%20c`, "a+b%20c", false},
		{dialectCeph, keysAlways, `a+b%20c`, "a b c", false},
		{dialectVK, "", `a+b%20c`, "a+b%20c", false},
		{dialectVersityGW, "", `a+b%20c`, "a+b%20c", false},
		{dialectEventBridge, "", `a+b%20c`, "a+b%20c", false},
	}
	for _, tt := range tests {
		got, ok := decodeKey(tt.written, tt.dialect, tt.mode)
		if got != tt.want || ok == tt.raw {
			t.Errorf("%s, decode_keys %q: %q is %q, ok %t, want %q", tt.dialect, tt.mode, tt.written, got, ok, tt.want)
		}
	}
}

// A key is a name and no path. Whatever it is, it arrives as it is.
func TestKeysAreOpaque(t *testing.T) {
	for _, key := range []string{
		"../../etc/passwd", "/etc/passwd", `..\..\windows`, "%2e%2e%2f", "a\x00b", strings.Repeat("k", 1024), "dir/", ".", "..", "a/./b//c",
		"日本語/ファイル é.txt", "e\u0301", "\u202etxt.exe", "*", "a|b", "\x1b[31m", " ", "a\nb",
	} {
		quoted, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		event := decodeOne(t, bodyOf(changed(t, `"a.txt"`, string(quoted))), DecodeOptions{Keys: keysNever})
		if got := event.Envelope.GetS3().GetObject().GetKey(); got != key {
			t.Errorf("key %q, want %q", got, key)
		}
		if got := event.Envelope.GetSubject(); got != "src/"+key {
			t.Errorf("subject %q, want src/%q", got, key)
		}
	}
	huge := decodeOne(t, bodyOf(changed(t, "a.txt", strings.Repeat("k", 500_000))), DecodeOptions{}).Envelope
	if len(huge.GetSubject()) > 100 || len(huge.GetS3().GetObject().GetKey()) != 500_000 {
		t.Errorf("a key that no store can have: subject of %d bytes, key of %d", len(huge.GetSubject()), len(huge.GetS3().GetObject().GetKey()))
	}
	escaped := decodeOne(t, bodyOf(changed(t, "a.txt", "%2e%2e%2Fx%00")), DecodeOptions{})
	if got := escaped.Envelope.GetS3().GetObject().GetKey(); got != "../x\x00" {
		t.Errorf("key %q", got)
	}
	raw := decodeOne(t, bodyOf(changed(t, "a.txt", "100%")), DecodeOptions{})
	want := []*pointsmanv1.Attribute{{Name: "key_raw", Value: "true"}}
	if got := raw.Envelope.GetAttributes(); len(got) != 1 || got[0].GetName() != want[0].GetName() || got[0].GetValue() != "true" {
		t.Errorf("attributes %v, want key_raw", got)
	}
}

func TestSequences(t *testing.T) {
	hex, ns, ceph, seconds := hexSequence, nanosecondSequence, cephSequence, secondSequence
	tests := []struct {
		name     string
		sequence func(string) string
		a, b     string
		want     int // a compared with b
	}{
		{"AWS", hex, "0055AED6DCD90281E5", "0055AED6DCD90281E6", -1},
		{"AWS, case", hex, "617f08299329d189", "617F08299329D18A", -1},
		{"AWS, same but for case", hex, "617f08299329d189", "617F08299329D189", 0},
		{"AWS, length", hex, "0A1B2C3D4E5F678901", "0A1B2C3D4E5F6789", 1},
		{"AWS, padded on the right", hex, "9", "10", 1},
		{"AWS, zeros", hex, "00", "000", 0},
		{"AWS, zero is the least", hex, "0", "00000001", -1},
		{"MinIO", ns, "17CB5D822AC08F40", "17CB5D822AC08F41", -1},
		{"MinIO, length", ns, "FFFFFFFFFFFFFFF", "17CB5D822AC08F40", -1},
		{"MinIO, case", ns, "17cb5d822ac08f40", "17CB5D822AC08F40", 0},
		{"Ceph, seconds overflow a byte", ceph, "FFE6D75D00000000", "00E7D75D00000000", -1},
		{"Ceph, nanoseconds", ceph, "F7E6D75DFF000000", "F7E6D75D00010000", -1},
		{"Ceph, seconds before nanoseconds", ceph, "F7E6D75DFFFFFFFF", "F8E6D75D00000000", -1},
		{"Ceph, recorded", ceph, "3F6F026B3BCB4702", "3F6F026BDA758232", -1},
		{"Ceph, recorded, later second", ceph, "3F6F026BDA758232", "456F026BB59C0A10", -1},
		{"VK Cloud", seconds, "999999999", "1714554896", -1},
		{"VK Cloud, same second", seconds, "1714554896", "1714554896", 0},
	}
	for _, tt := range tests {
		a, b := tt.sequence(tt.a), tt.sequence(tt.b)
		if a == "" || b == "" || strings.Compare(a, b) != tt.want {
			t.Errorf("%s: %s is %q, %s is %q: compare as %d, want %d", tt.name, tt.a, a, tt.b, b, strings.Compare(a, b), tt.want)
		}
	}
	if got := ceph("F7E6D75DC742D108"); got != fmt.Sprintf("%08X%08X", 1574430455, 147931847) {
		t.Errorf("Ceph's own example: %s", got)
	}
	if got := ns(fmt.Sprintf("%X", time.Date(2024, 5, 1, 12, 34, 56, 789e6, time.UTC).UnixNano())); got != "17CB5D822AC08F40" {
		t.Errorf("MinIO: %s", got)
	}
	for name, none := range map[string][]string{
		"AWS":      {hex(""), hex("xyz"), hex("-1"), hex("0x1"), hex("1 "), hex(strings.Repeat("1", 129))},
		"MinIO":    {ns(""), ns("+1"), ns("17CB5D822AC08F400"), ns("1_0"), ns("z")},
		"Ceph":     {ceph(""), ceph("F7E6D75D"), ceph("F7E6D75DC742D10"), ceph("G7E6D75DC742D108"), ceph("F7E6D75DC742D10800")},
		"VK Cloud": {seconds(""), seconds("-1"), seconds("1.5"), seconds("1e9"), seconds("17CB"), seconds("99999999999999999999999")},
		"versity":  {noSequence("1"), noSequence("")},
	} {
		if i := slices.IndexFunc(none, func(s string) bool { return s != "" }); i >= 0 {
			t.Errorf("%s: no sequencer %d is %q, want nothing", name, i, none[i])
		}
	}
}

func TestTypes(t *testing.T) {
	for want, names := range map[string][]string{
		typeCreated: {
			"ObjectCreated:Put", "s3:ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
			"PutObject", "PutObjectCopy", "ObjectSynced:Created", "Object Created",
		},
		typeRemoved: {
			"ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRemoved:NoOP", "s3:ObjectRemoved:DeleteObjects",
			"LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated", "DeleteObject", "Object Deleted",
			"s3:ObjectSynced:Delete", "s3:ObjectSynced:DeletionMarkerCreated", "s3:ObjectLifecycle:Expiration:Current",
		},
		typeTagged:         {"ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectCreated:PutTagging", "s3:ObjectCreated:DeleteTagging", "Object Tags Added", "Object Tags Deleted"},
		typeACL:            {"ObjectAcl:Put", "Object ACL Updated"},
		typeRestored:       {"ObjectRestore:Completed", "Object Restore Completed"},
		typeRestoreStarted: {"ObjectRestore:Post", "Object Restore Initiated"},
		typeRestoreExpired: {"ObjectRestore:Delete", "Object Restore Expired"},
		typeRetention:      {"s3:ObjectCreated:PutRetention", "s3:ObjectCreated:PutLegalHold"},
		typeAccessed:       {"s3:ObjectAccessed:Get", "s3:ObjectAccessed:Head", "s3:ObjectAccessed:Anything"},
		typeTransitioned: {
			"LifecycleTransition", "LifecycleTransition:x", "IntelligentTiering", "s3:ObjectTransition:Complete", "s3:ObjectLifecycle:Transition:Current",
			"Object Storage Class Changed", "Object Access Tier Changed",
		},
		typeReplicated:    {"Replication:OperationFailedReplication", "s3:Replication:OperationCompletedReplication"},
		typeLost:          {"ReducedRedundancyLostObject", "s3:ReducedRedundancyLostObject"},
		typeBucketCreated: {"s3:BucketCreated:*"},
		typeBucketRemoved: {"s3:BucketRemoved:*"},
		typeUnknown:       {"", "s3:", "ObjectCreated", "ObjectCreated:", "s3:ObjectCreated:PutSomething", "s3:Scanner:BigPrefix", "objectcreated:put", "ObjectRemoved", "s3:s3:ObjectCreated:Put"},
	} {
		for _, name := range names {
			if got := typeOf(name); got != want {
				t.Errorf("%q is %s, want %s", name, got, want)
			}
		}
		if !slices.Contains(KnownTypes(), want) {
			t.Errorf("metrics do not know %s", want)
		}
	}
}

func TestSizesAndTags(t *testing.T) {
	for written, want := range map[string]int64{
		`0`: 0, `"0"`: 0, `1024`: 1024, `"1024"`: 1024, `50000000000000`: 5e13,
		`-1`: -1, `"-1"`: -1, `1.5`: -1, `1e3`: -1, `""`: -1, `null`: -1, `true`: -1, `{}`: -1, `"1 KB"`: -1, `99999999999999999999`: -1, `9223372036854775807`: -1,
	} {
		object := decodeOne(t, bodyOf(changed(t, `"size":1024`, `"size":`+written)), DecodeOptions{}).Envelope.GetS3().GetObject()
		if want < 0 && object.Size != nil || want >= 0 && (object.Size == nil || object.GetSize() != want) {
			t.Errorf("size %s: %v, want %d", written, object.Size, want)
		}
	}
	for written, want := range map[string]string{`"x"`: "x", `"\"x\""`: "x", `null`: "", `""`: "", `"\""`: `"`, `"\"\""`: "", `7`: ""} {
		object := decodeOne(t, bodyOf(changed(t, `"9a0364"`, written)), DecodeOptions{}).Envelope.GetS3().GetObject()
		if object.GetEtag() != want {
			t.Errorf("eTag %s: %q, want %q", written, object.GetEtag(), want)
		}
	}
	bare := bodyOf(`{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","eventTime":null,"responseElements":null,"userIdentity":null,"s3":{"bucket":{"name":"b"},"object":{"key":"k","sequencer":null,"versionId":null}}}`)
	event := decodeOne(t, bare, DecodeOptions{})
	want := &pointsmanv1.S3Event{EventName: "ObjectRemoved:Delete", Dialect: "aws", Object: &pointsmanv1.S3Object{Bucket: "b", Key: "k"}}
	if got := event.Envelope.GetS3(); got.String() != want.String() {
		t.Errorf("the least that a record can hold: %v, want %v", got, want)
	}
	if event.Keys[0].Window != source.ShortWindow || event.Envelope.GetTimeUnixNano() != 0 {
		t.Errorf("nothing tells this event from the next of its kind: window %s, want %s", event.Keys[0].Window, source.ShortWindow)
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]int64{
		"2024-05-01T12:34:56.789Z": 1714566896789000000, "2026-11-22T04:27:39.847889Z": 1795321659847889000, "2024-05-01T21:34:56+09:00": 1714566896000000000,
		"": 0, "yesterday": 0, "1677-01-01T00:00:00Z": 0, "2262-12-31T00:00:00Z": 0,
	} {
		event := decodeOne(t, bodyOf(changed(t, "2024-05-01T12:34:56.789Z", text)), DecodeOptions{})
		if got := event.Envelope.GetTimeUnixNano(); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]string{
		`"2.0"`: "", `"2.1"`: "", `"2.9"`: "", `"2.10"`: "", `"2"`: "", `2.1`: "", `null`: "", `""`: "",
		`"3.0"`: unknownVersion, `"20.1"`: unknownVersion, `"x"`: unknownVersion, `"0.1"`: unknownVersion, `"02.1"`: unknownVersion,
	} {
		for _, eventSource := range []string{"aws:s3", "minio:s3", "ceph:s3"} {
			_, err := Decode(dialectAuto, []byte(bodyOf(changed(t, `"2.1"`, version, "aws:s3", eventSource))), DecodeOptions{})
			if reason(err) != want {
				t.Errorf("%s, eventVersion %s: %v, want %q", eventSource, version, err, want)
			}
		}
	}
	for body, want := range map[string]string{
		changed(t, `"2.1"`, `"1.0"`): "vk", changed(t, `"2.1"`, `"1.7"`): "vk", changed(t, `"eventVersion":"2.1",`, "", `"0055AED6"`, `1714554896`): "vk",
		changed(t, `"eventVersion":"2.1",`, ""): "aws",
	} {
		if got := decodeOne(t, bodyOf(body), DecodeOptions{}).Envelope.GetS3().GetDialect(); got != want {
			t.Errorf("%s is of dialect %s, want %s", body, got, want)
		}
	}
	for _, body := range []string{changed(t, `"0055AED6"`, `1714554896`), changed(t, `"2.1"`, `"1.0"`, "aws:s3", "ceph:s3"), changed(t, `"2.1"`, `"1.0"`, "aws:s3", "minio:s3")} {
		if _, err := Decode(dialectAuto, []byte(bodyOf(body)), DecodeOptions{}); reason(err) != unknownVersion {
			t.Errorf("%s: %v, want %s", body, err, unknownVersion)
		}
	}
}

// A source set to one dialect takes it and no other.
func TestDialects(t *testing.T) {
	examples := map[string]string{
		dialectAWS: "aws-put", dialectMinIO: "minio-put", dialectCeph: "ceph-put", dialectVK: "vk-put", dialectVersityGW: "versitygw-put",
		dialectEventBridge: "eventbridge-created", dialectSNS: "sns-put",
	}
	for of, name := range examples {
		for want := range examples {
			events, err := Decode(want, []byte(recorded(t, name)), DecodeOptions{SNS: true})
			switch {
			case want == of, want == dialectVersityGW && of == dialectAWS:
				if err != nil || len(events) != 1 {
					t.Errorf("%s for %s: %d events, %v", name, want, len(events), err)
				}
			case reason(err) != wrongDialect:
				t.Errorf("%s for %s: %v, want %s", name, want, err, wrongDialect)
			}
		}
		for _, any := range []string{"", dialectAuto} {
			if _, err := Decode(any, []byte(recorded(t, name)), DecodeOptions{SNS: true}); err != nil {
				t.Errorf("%s for %q: %v", name, any, err)
			}
		}
	}
	if _, err := Decode(dialectAuto, []byte(recorded(t, "sns-put")), DecodeOptions{}); reason(err) != wrongDialect {
		t.Errorf("SNS where it is not taken: %v, want %s", err, wrongDialect)
	}
	told, err := Decode(dialectVersityGW, []byte(bodyOf(changed(t, "a.txt", "a+b"))), DecodeOptions{})
	if err != nil || told[0].Envelope.GetS3().GetDialect() != dialectVersityGW || told[0].Envelope.GetS3().GetObject().GetKey() != "a+b" {
		t.Errorf("a versitygw without its marks: %v, %v", told, err)
	}
	either := strings.Replace(recorded(t, "versitygw-put"), "PrincipalId", "principalId", 2)
	if got := decodeOne(t, either, DecodeOptions{}).Envelope.GetS3().GetDialect(); got != dialectVersityGW {
		t.Errorf("a versitygw with one mark mended: %s", got)
	}
}

func TestTestEvents(t *testing.T) {
	for name, body := range map[string]string{
		"AWS": recorded(t, "aws-test"), "versitygw": recorded(t, "versitygw-test"), "inside SNS": recorded(t, "sns-test"),
		"as a record": bodyOf(changed(t, "ObjectCreated:Put", "s3:TestEvent")), "as records": bodyOf(changed(t, "ObjectCreated:Put", "TestEvent"), changed(t, "ObjectCreated:Put", "TestEvent")),
	} {
		events, err := Decode(dialectAuto, []byte(body), DecodeOptions{SNS: true, Buckets: []string{"other"}})
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
		events, err := Decode(dialectAuto, []byte(tt.body), DecodeOptions{SNS: true})
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
		"s3.object.created ", "s3.quarantined unknown_version: eventVersion is not 2.x, as the dialect aws has it",
		"s3.quarantined wrong_type: the record is not an object", "s3.object.created ", "s3.quarantined not_s3: eventSource is that of no known store",
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

func TestIDs(t *testing.T) {
	id := func(body string) string { return decodeOne(t, body, DecodeOptions{}).Envelope.GetId() }
	base := id(bodyOf(putRecord))
	if id(bodyOf(putRecord)) != base || id(" "+bodyOf(putRecord)+"\n") != base {
		t.Error("the same record has two ids")
	}
	if other := id(bodyOf(changed(t, "a.txt", "a%2Etxt"))); other != base {
		t.Error("the same key written in another way has another id")
	}
	for name, pairs := range map[string][]string{
		"key": {"a.txt", "b.txt"}, "bucket": {`"name":"src"`, `"name":"dst"`}, "name": {"ObjectCreated:Put", "ObjectCreated:Copy"}, "version": {"3HL4", "3HL5"},
		"sequencer": {"0055AED6", "0055AED7"}, "request": {"C3D13FE58DE4C810", "C3D13FE58DE4C811"}, "store": {"aws:s3", "ceph:s3"},
		"parts that run into each other": {`"name":"src"`, `"name":"srca"`, `a.txt`, `.txt`},
	} {
		if id(bodyOf(changed(t, pairs...))) == base {
			t.Errorf("another %s, the same id", name)
		}
	}
	for name, pairs := range map[string][]string{"time": {"12:34:56", "12:34:57"}, "eTag": {"9a0364", "9a0365"}, "region": {"eu-west-1", "eu-west-2"}} {
		if id(bodyOf(changed(t, pairs...))) != base {
			t.Errorf("another %s, another id: a sequencer and a request are enough", name)
		}
	}
	for _, tt := range []struct {
		name, example, old, new string
		same                    bool
	}{
		{"versitygw started again", "versitygw-put", "03:10:15Z", "05:00:00Z", false},
		{"versitygw, another content", "versitygw-put", "6eaada", "7eaada", false},
		{"VK Cloud, another content in one second", "vk-put", "9a0364", "9a0365", false},
		{"MinIO, Get and Head of one version", "minio-get", "ObjectAccessed:Get", "ObjectAccessed:Head", false},
		{"EventBridge says its id", "eventbridge-created", `"size":5`, `"size":6`, true},
		{"EventBridge, another id", "eventbridge-created", "a3f0c1de", "a3f0c1df", false},
		{"EventBridge, an id that is none", "eventbridge-created", "a3f0c1de", "../a3f0c1de", false},
	} {
		body := recorded(t, tt.example)
		if got := id(body) == id(strings.ReplaceAll(body, tt.old, tt.new)); got != tt.same {
			t.Errorf("%s: same id %t", tt.name, got)
		}
	}
	// Without anything that counts, the time does.
	untold := []string{`"C3D13FE58DE4C810"`, `""`, `"0055AED6"`, `null`}
	first, second := decodeOne(t, bodyOf(changed(t, untold...)), DecodeOptions{Window: time.Hour}), id(bodyOf(changed(t, append(untold, "12:34:56", "12:34:57")...)))
	if first.Envelope.GetId() == second || first.Keys[0].Window != time.Hour {
		t.Errorf("two taggings at different times are one event, window %s", first.Keys[0].Window)
	}
}

func TestBuckets(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"main", "main", true},
		{"main", "main2", false},
		{"main", "mai", false},
		{"main", "MAIN", false},
		{"main", "", false},
		{"*", "anything", true},
		{"logs-*", "logs-1", true},
		{"logs-*", "logs-", true},
		{"logs-*", "logs", false},
		{"*-logs", "eu-logs", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "acb", false},
		{"a*b*c", "ac", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"**", "", true},
		{"a.c", "abc", false},
		{"*a*", "bab", true},
		{"*ab*ab*", "abab", true},
		{"*ab*ab*", "aba", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %t", tt.pattern, tt.name, got)
		}
	}
	other := changed(t, `"name":"src"`, `"name":"other"`)
	for name, body := range map[string]string{
		"alone": bodyOf(other), "among others": bodyOf(putRecord, other), "of an unknown version": bodyOf(strings.Replace(other, "2.1", "3.0", 1)),
		"by EventBridge": strings.Replace(recorded(t, "eventbridge-created"), `"name":"src"`, `"name":"other"`, 1),
		"by SNS":         strings.Replace(recorded(t, "sns-put"), `\"name\":\"src\"`, `\"name\":\"other\"`, 1),
	} {
		events, err := Decode(dialectAuto, []byte(body), DecodeOptions{Buckets: []string{"src", "logs-*"}, SNS: true})
		refused, ok := err.(*source.Refused) //nolint:errorlint // exactly this, or the webhook answers otherwise
		if !ok || refused.Reason != reasonBucket || refused.Status != http.StatusForbidden || len(events) != 0 {
			t.Errorf("another bucket %s: %d events, %v", name, len(events), err)
		}
	}
	if _, err := Decode(dialectAuto, []byte(bodyOf(putRecord)), DecodeOptions{Buckets: []string{"logs-*", "s*"}}); err != nil {
		t.Errorf("a bucket of the list: %v", err)
	}
}

func TestHugeNumbers(t *testing.T) {
	body := bodyOf(changed(t, `"0055AED6"`, fmt.Sprint(uint64(math.MaxUint64)), `"2.1"`, `"1.0"`))
	if got := decodeOne(t, body, DecodeOptions{}).Envelope.GetS3().GetObject().GetSequence(); got != "18446744073709551615" {
		t.Errorf("sequence %s", got)
	}
}
