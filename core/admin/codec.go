package admin

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// strictJSON is Connect's JSON under the name of a content type, with two differences. It refuses fields that the message does not
// have: a filter with a misspelt field would select more than is meant. And it writes the names of the proto, and fields that are
// zero, so that a script reads the same from the API as from a command with --json.
type strictJSON string

// Name implements connect.Codec.
func (c strictJSON) Name() string { return string(c) }

// Marshal implements connect.Codec.
func (strictJSON) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", v)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer // protojson puts blanks here and there, so that nobody compares its output; scripts do
	if err := json.Compact(&b, text); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Unmarshal implements connect.Codec.
func (strictJSON) Unmarshal(text []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", v)
	}
	if len(text) == 0 {
		return fmt.Errorf("the body is empty: send a JSON object, such as {}")
	}
	return protojson.Unmarshal(text, m)
}
