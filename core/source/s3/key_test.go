package s3

import (
	"encoding/json"
	"strings"
	"testing"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

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

// A key is an opaque name, not a path: every key arrives unchanged.
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
