package intdashtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Point is one line of a measurement's data.
type Point struct {
	// Time is in nanoseconds since the epoch.
	Time int64
	// Type and Name as in a data_id_filter: "float64", "10/distance".
	Type, Name string
	// Payload is sent as base64 in data.d.
	Payload []byte
	// Raw, when set, is the whole line.
	Raw string
	// NewModel writes data_name as servers from 2.7 do, and not data_id.
	NewModel bool
}

// Float64 is a point with one number.
func Float64(time int64, name string, x float64) Point {
	return Point{Time: time, Type: "float64", Name: name, Payload: binary.BigEndian.AppendUint64(nil, math.Float64bits(x))}
}

// Int64 is a point with one integer.
func Int64(time int64, name string, x int64) Point {
	return Point{Time: time, Type: "int64", Name: name, Payload: binary.BigEndian.AppendUint64(nil, uint64(x))} // two's complement is meant
}

// ConvertedError is the line that stands for a point which the server could not convert.
func ConvertedError() Point { return inBand("converted_error", "failed to convert data") }

// UnexpectedError is the last line of a stream that the server gave up.
func UnexpectedError() Point { return inBand("unexpected", "unexpected error occurred") }

func inBand(code, description string) Point {
	return Point{Raw: fmt.Sprintf(`{"time":0,"measurement_uuid":"","created_at":"2024-12-25T00:23:50Z","data_type":"string",`+
		`"data_id":"0/intdash/measurement/get/data/error","data":{"i":"intdash/measurement/get/data/error",`+
		`"d":{"error":%q,"error_description":%q,"error_extra":{}}}}`, code, description)}
}

// passes applies data_id_filter, which is repeatable; "#" is any type or name. In-band errors always pass.
func (p Point) passes(filters []string) bool {
	for _, f := range filters {
		typ, name, _ := strings.Cut(f, ":")
		if (typ == "#" || typ == p.Type) && (name == "#" || name == p.Name) {
			return true
		}
	}
	return len(filters) == 0 || p.Raw != ""
}

// line renders the point. The API's default for time is microseconds.
func (p Point) line(timeFormat string) string {
	if p.Raw != "" {
		return p.Raw
	}
	at, name := p.Time/1000, "data_id"
	if timeFormat == "ns" {
		at = p.Time
	}
	if p.NewModel {
		name = "data_name"
	}
	return fmt.Sprintf(`{"time":%d,"measurement_uuid":"1a14f158-2a0c-44c7-ace1-e0d21ecc93e9","created_at":"2024-12-25T00:23:50Z",`+
		`"data_type":%q,%q:%q,"data":{"d":%q}}`, at, p.Type, name, p.Name, base64.StdEncoding.EncodeToString(p.Payload))
}
