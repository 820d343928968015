package intdash

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Data types of which statistics can be made.
const (
	typeFloat64 = "float64"
	typeInt64   = "int64"
)

// Point is one data point with a number.
type Point struct {
	// Time is in nanoseconds since 1970-01-01T00:00:00Z.
	Time int64
	// Type is "float64" or "int64".
	Type string
	// Name is the data id, such as "10/distance".
	Name string
	// Value may be NaN or infinite.
	Value float64
}

// kind is what one line of the stream turned out to be.
type kind int

const (
	kindPoint       kind = iota
	kindVector           // several numbers in one point
	kindOther            // another type, or not asked for
	kindUnconverted      // the server could not convert one point
	kindStopped          // the server gave up; the stream is not whole
)

// errorName ends the data id of a line by which the server reports an error within the stream.
const errorName = "intdash/measurement/get/data/error"

// line is one line of the stream. Servers up to 2.4 call the name data_id, later ones data_name.
type line struct {
	Time     json.RawMessage `json:"time"`
	DataType string          `json:"data_type"`
	DataID   string          `json:"data_id"`
	DataName string          `json:"data_name"`
	Data     json.RawMessage `json:"data"`
}

// decodeLine reads one line. An error means that the line is not what the API documents; text of kindStopped is the
// server's reason.
func decodeLine(b []byte, filters []Filter) (k kind, p Point, text string, err error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return 0, p, "", fmt.Errorf("not a JSON object: %w", err)
	}
	name := l.DataID
	if name == "" {
		name = l.DataName
	}
	if name == errorName || strings.HasSuffix(name, "/"+errorName) {
		k, text = decodeError(l.Data)
		return k, p, text, nil
	}
	if l.DataType == "" || name == "" {
		return 0, p, "", errors.New("no data_type, or neither data_id nor data_name")
	}
	if l.DataType != typeFloat64 && l.DataType != typeInt64 || !anyMatches(filters, l.DataType, name) {
		return kindOther, p, "", nil
	}
	p = Point{Type: l.DataType, Name: name}
	if p.Time, err = decodeTime(l.Time); err != nil {
		return 0, p, "", err
	}
	k, p.Value, err = decodeValue(l.DataType, l.Data)
	return k, p, "", err
}

// decodeTime takes integer nanoseconds, which do not fit a float64, and RFC 3339 from servers that ignore time_format.
func decodeTime(raw json.RawMessage) (int64, error) {
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

// decodeValue reads {"d": base64 of the payload}: 8 bytes, big-endian. A multiple of 8 bytes is a vector.
func decodeValue(typ string, raw json.RawMessage) (kind, float64, error) {
	var data struct {
		D *[]byte `json:"d"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		return 0, 0, fmt.Errorf("payload: %w", err)
	}
	if data.D == nil {
		return 0, 0, errors.New(`payload: data has no "d"`)
	}
	payload := *data.D
	switch {
	case len(payload) == 8 && typ == typeFloat64:
		return kindPoint, math.Float64frombits(binary.BigEndian.Uint64(payload)), nil
	case len(payload) == 8:
		return kindPoint, float64(int64(binary.BigEndian.Uint64(payload))), nil //nolint:gosec // two's complement is meant
	case len(payload) > 8 && len(payload)%8 == 0:
		return kindVector, 0, nil
	}
	return 0, 0, fmt.Errorf("payload: %s of %d bytes", typ, len(payload))
}

// decodeError tells the two documented errors apart. One that is not documented stops the fetch: statistics of a series
// of which something unknown is missing would be wrong.
func decodeError(raw json.RawMessage) (kind, string) {
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
