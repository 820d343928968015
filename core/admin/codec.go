package admin

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// strictJSON is Connect's JSON under the name of a content type, except that it refuses fields that the message does not have: a
// filter with a misspelt field would select more than is meant.
type strictJSON string

// Name implements connect.Codec.
func (c strictJSON) Name() string { return string(c) }

// Marshal implements connect.Codec.
func (strictJSON) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", v)
	}
	return protojson.Marshal(m)
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
