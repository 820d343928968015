package s3

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/pointsman/pointsman/core/source"
)

// Dialects: how a store writes a notification. dialectAuto and dialectSNS are settings only; an event is of one of the others.
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

// grammar is what one dialect writes in its own way.
type grammar struct {
	// major is the eventVersion's first number.
	major string
	// escapedKeys says that keys are written as in an HTML form: "+" for a space, %XX.
	escapedKeys bool
	// sequence makes a sequencer comparable.
	sequence func(sequencer string) string
}

var grammars = map[string]grammar{
	dialectAWS:         {major: "2", escapedKeys: true, sequence: hexSequence},
	dialectMinIO:       {major: "2", escapedKeys: true, sequence: nanosecondSequence},
	dialectCeph:        {major: "2", sequence: cephSequence},
	dialectVK:          {major: "1", sequence: secondSequence},
	dialectVersityGW:   {major: "2", sequence: noSequence},
	dialectEventBridge: {sequence: hexSequence}, // its versions are not those of records
}

// dialectOf finds a record's dialect by marks that its store cannot help leaving; "" when it is no S3 record. inMinIO says
// that the body around it is written as MinIO does.
func dialectOf(r *record, inMinIO bool) string {
	if inMinIO {
		return dialectMinIO
	}
	switch r.top.text("eventSource") {
	case "minio:s3":
		return dialectMinIO
	case "ceph:s3":
		return dialectCeph
	case "aws:s3": // which others claim to be as well
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
	sequencer := r.object.find("sequencer")
	return r.majorVersion() == "1" || sequencer != nil && sequencer.Kind == source.JSONNumber
}

// isVersityGW: it spells principalId with a capital letter and puts a slash before the bucket in the ARN, which no bucket's
// name can begin with. Either is enough, so that it is still told when one of them is mended.
func isVersityGW(r *record) bool {
	return r.user.has("PrincipalId") || strings.HasPrefix(r.bucket.text("arn"), "arn:aws:s3:::/")
}

// speaks reports whether a source set to the dialect want takes a record that was found to be of the dialect found.
func speaks(want, found string) bool {
	switch want {
	case "", dialectAuto, found:
		return true
	case dialectVersityGW:
		return found == dialectAWS // a versitygw without its marks; the operator knows better
	}
	return false
}

// Values of the setting decode_keys.
const (
	keysByDialect = "dialect"
	keysAlways    = "always"
	keysNever     = "never"
)

// decodeKey returns the key that a client would use. ok is false when it could not be unescaped and is as it was written.
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
