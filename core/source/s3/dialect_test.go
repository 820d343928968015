package s3

import (
	"strings"
	"testing"
)

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

// A source with a fixed dialect accepts no other.
func TestDialects(t *testing.T) {
	examples := map[string]string{
		dialectAWS: "aws-put", dialectMinIO: "minio-put", dialectCeph: "ceph-put", dialectVK: "vk-put", dialectVersityGW: "versitygw-put",
		dialectEventBridge: "eventbridge-created", dialectSNS: "sns-put",
	}
	for of, name := range examples {
		for want := range examples {
			events, err := decodeAny(want, []byte(recorded(t, name)), DecodeOptions{})
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
			if _, err := decodeAny(any, []byte(recorded(t, name)), DecodeOptions{}); err != nil {
				t.Errorf("%s for %q: %v", name, any, err)
			}
		}
	}
	if _, err := Decode(dialectAuto, []byte(recorded(t, "sns-put")), DecodeOptions{}); reason(err) != wrongDialect {
		t.Errorf("SNS where it is not taken: %v, want %s", err, wrongDialect)
	}
	got, err := Decode(dialectVersityGW, []byte(bodyOf(changed(t, "a.txt", "a+b"))), DecodeOptions{})
	if err != nil || got[0].Envelope.GetS3().GetDialect() != dialectVersityGW || got[0].Envelope.GetS3().GetObject().GetKey() != "a+b" {
		t.Errorf("a versitygw without its marks: %v, %v", got, err)
	}
	either := strings.Replace(recorded(t, "versitygw-put"), "PrincipalId", "principalId", 2)
	if got := decodeOne(t, either, DecodeOptions{}).Envelope.GetS3().GetDialect(); got != dialectVersityGW {
		t.Errorf("a versitygw with one mark mended: %s", got)
	}
}
