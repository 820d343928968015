package main

import (
	"bytes"
	"encoding/json"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// formatVersion is the version of the JSON documents that are made from messages of the admin API.
const formatVersion = "1.0"

// writeJSON prints a message as an indented document: the names of the proto, no field left out, and the format version.
func writeJSON(w io.Writer, m proto.Message) error {
	document, err := toJSON(m)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, document, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// writeJSONLine prints a message as one line.
func writeJSONLine(w io.Writer, m proto.Message) error {
	document, err := toJSON(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(document, '\n'))
	return err
}

func toJSON(m proto.Message) ([]byte, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil { // protojson varies its white space on purpose
		return nil, err
	}
	head := `{"format_version":"` + formatVersion + `"`
	if rest := b.Bytes()[1:]; len(rest) > 1 {
		return printableJSON(append([]byte(head+","), rest...)), nil
	}
	return []byte(head + "}"), nil
}
