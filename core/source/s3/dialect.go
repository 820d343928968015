package s3

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/source"
)

// Dialects are the ways stores write notifications. dialectAuto and dialectSNS are settings only; events have one of the
// others.
const (
	dialectAuto        = "auto"
	dialectAWS         = "aws"
	dialectMinIO       = "minio"
	dialectCeph        = "ceph"
	dialectVK          = "vk"
	dialectVersityGW   = "versitygw"
	dialectEventBridge = "eventbridge"
	dialectSNS         = "sns"
)

// grammar describes what differs between the dialects.
type grammar struct {
	// major is the major number of eventVersion.
	major string
	// escapedKeys is set if keys are form-encoded: "+" for a space, %XX.
	escapedKeys bool
	// sequence converts a sequencer to a form that compares byte by byte.
	sequence func(sequencer string) string
	// utcLayouts are the layouts of times without a zone, in dialects whose times are always UTC.
	utcLayouts []string
}

// zoneless are times without a zone: some versions and proxies of stores drop the Z.
var zoneless = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"}

var grammars = map[string]grammar{
	dialectAWS:         {major: "2", escapedKeys: true, sequence: hexSequence, utcLayouts: zoneless},
	dialectMinIO:       {major: "2", escapedKeys: true, sequence: nanosecondSequence, utcLayouts: zoneless},
	dialectCeph:        {major: "2", sequence: cephSequence, utcLayouts: zoneless},
	dialectVK:          {major: "1", sequence: secondSequence}, // its times may be Moscow's
	dialectVersityGW:   {major: "2", sequence: noSequence, utcLayouts: zoneless},
	dialectEventBridge: {sequence: hexSequence, utcLayouts: zoneless}, // has no eventVersion
}

// dialectOf detects a record's dialect by features of its store, "" if it is not an S3 record. inMinIO is set if the members
// around the record are those of MinIO.
func dialectOf(r *record, inMinIO bool) string {
	if inMinIO {
		return dialectMinIO
	}
	switch r.top.Text("eventSource") {
	case "minio:s3":
		return dialectMinIO
	case "ceph:s3":
		return dialectCeph
	case "aws:s3": // other stores use it as well
		switch {
		case isVK(r):
			return dialectVK
		case isVersityGW(r):
			return dialectVersityGW
		}
		return dialectAWS
	}
	return ""
}

// isVK: AWS never sent version 1, and its sequencer is a string.
func isVK(r *record) bool {
	sequencer := r.object.Find("sequencer")
	return r.majorVersion() == "1" || sequencer != nil && sequencer.Kind == source.JSONNumber
}

// isVersityGW: it spells principalId with a capital letter and puts a slash before the bucket in the ARN, with which no
// bucket name can begin. Either is enough, so that detection still works if versitygw fixes one of them.
func isVersityGW(r *record) bool {
	return r.user.Has("PrincipalId") || strings.HasPrefix(r.bucket.Text("arn"), "arn:aws:s3:::/")
}

// accepts reports whether a source with dialect = want accepts a record whose detected dialect is found.
func accepts(want, found string) bool {
	switch want {
	case "", dialectAuto, found:
		return true
	case dialectVersityGW:
		return found == dialectAWS // a versitygw without its features; the operator knows better
	}
	return false
}

// Values of the setting decode_keys.
const (
	keysByDialect = "dialect"
	keysAlways    = "always"
	keysNever     = "never"
)

// decodeKey returns the key as clients use it. ok is false if it could not be unescaped; then the key is returned as written.
func decodeKey(written, dialect, mode string) (key string, ok bool) {
	escaped := mode == keysAlways || mode != keysNever && grammars[dialect].escapedKeys
	if !escaped {
		return written, true
	}
	key, err := url.QueryUnescape(written)
	if err != nil || !utf8.ValidString(key) {
		return written, false
	}
	return key, true
}
