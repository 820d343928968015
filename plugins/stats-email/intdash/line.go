package intdash

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Data types with numbers.
const (
	typeFloat64 = "float64"
	typeInt64   = "int64"
)

// Point is one data point with a number.
type Point struct {
	// Time is in nanoseconds since 1970-01-01T00:00:00Z.
	Time int64
	// Value may be NaN or infinite.
	Value float64
}

// kind is the kind of one line of the stream.
type kind int

const (
	kindPoint       kind = iota
	kindVector           // several numbers in one point
	kindOther            // another type, or not selected
	kindUnconverted      // the server could not convert one point
	kindStopped          // the server aborted; the stream is incomplete
)

// errorName ends the data id of a line by which the server reports an error within the stream.
const errorName = "intdash/measurement/get/data/error"

// line is one line of the stream; time and data are JSON texts.
type line struct {
	time, typ, id, name, data []byte
}

// parse reads any JSON object.
func (l *line) parse(b []byte) error {
	var o struct {
		Time     json.RawMessage `json:"time"`
		DataType string          `json:"data_type"`
		DataID   string          `json:"data_id"`
		DataName string          `json:"data_name"`
		Data     json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	*l = line{o.Time, []byte(o.DataType), []byte(o.DataID), []byte(o.DataName), o.Data}
	return nil
}

// decodeLine decodes one line. It returns an error if the line is not as the API documents. The text of kindStopped is the
// server's reason.
func decodeLine(b []byte, filters []Filter) (k kind, p Point, text string, err error) {
	var l line
	if !scan(b, &l) {
		if err := l.parse(b); err != nil {
			return 0, p, "", err
		}
	}
	name := string(l.id) // up to 2.4; later servers call it data_name
	if name == "" {
		name = string(l.name)
	}
	if name == errorName || strings.HasSuffix(name, "/"+errorName) {
		k, text = decodeError(l.data)
		return k, p, text, nil
	}
	typ := string(l.typ)
	if typ == "" || name == "" {
		return 0, p, "", errors.New("no data_type, or neither data_id nor data_name")
	}
	if typ != typeFloat64 && typ != typeInt64 || !anyMatches(filters, typ, name) {
		return kindOther, p, "", nil
	}
	if p.Time, err = decodeTime(l.time); err != nil {
		return 0, p, "", err
	}
	k, p.Value, err = decodeValue(typ, l.data)
	return k, p, "", err
}

// decodeTime accepts integer nanoseconds, which do not fit into a float64, and RFC 3339 from servers that ignore time_format.
func decodeTime(raw []byte) (int64, error) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UnixNano(), nil
		}
	}
	return 0, fmt.Errorf("time %.40q is neither nanoseconds nor RFC 3339", raw)
}

// decodeValue decodes a payload of 8 bytes, big-endian. A longer multiple of 8 bytes is a vector.
func decodeValue(typ string, raw []byte) (kind, float64, error) {
	var buf [24]byte
	payload, err := decodePayload(raw, buf[:0])
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("payload: %w", err)
	case len(payload) == 8 && typ == typeFloat64:
		return kindPoint, math.Float64frombits(binary.BigEndian.Uint64(payload)), nil
	case len(payload) == 8:
		return kindPoint, float64(int64(binary.BigEndian.Uint64(payload))), nil // two's complement is meant
	case len(payload) > 8 && len(payload)%8 == 0:
		return kindVector, 0, nil
	}
	return 0, 0, fmt.Errorf("payload: %s of %d bytes", typ, len(payload))
}

// decodePayload reads {"d": base64}, appending to buf.
func decodePayload(raw, buf []byte) ([]byte, error) {
	if text, ok := bytes.CutPrefix(raw, []byte(`{"d":"`)); ok {
		if text, ok = bytes.CutSuffix(text, []byte(`"}`)); ok && !bytes.ContainsAny(text, "\\\"\r\n") {
			return base64.StdEncoding.AppendDecode(buf, text)
		}
	}
	var data struct {
		D *[]byte `json:"d"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, err
	}
	if data.D == nil {
		return nil, errors.New(`data has no "d"`)
	}
	return *data.D, nil
}

// decodeError distinguishes the two documented errors. An undocumented one stops the fetch, because statistics of a series with
// unknown gaps would be wrong.
func decodeError(raw []byte) (kind, string) {
	var data struct {
		D struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		} `json:"d"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		return kindStopped, "an error that cannot be read"
	}
	if data.D.Error == "converted_error" {
		return kindUnconverted, ""
	}
	text := clean(data.D.Error)
	if data.D.Description != "" {
		text += ": " + clean(data.D.Description)
	}
	return kindStopped, text
}
