package config

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are known on machines without a database of them

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var timeFunctions = []FunctionDoc{
	{
		Signature: "formatdate(spec, time, zone?)", Doc: `Formats an RFC 3339 time by a layout such as "YYYY-MM-DD hh:mm", in a time zone such as "Asia/Tokyo"; without a zone, in the offset that the time has.`, impl: formatDateFunc,
		Examples: []FunctionExample{
			{`formatdate("DD.MM.YYYY hh:mm", "2026-11-27T23:30:00Z")`, `"27.11.2026 23:30"`},
			{`formatdate("EEEE, YYYY-MM-DD hh:mm", "2026-11-27T23:30:00Z", "Asia/Tokyo")`, `"Saturday, 2026-11-28 08:30"`},
		},
	},
	{
		Signature: "hour(time, zone?)", Doc: "Returns the hour of the day, 0 to 23, in a time zone or in the offset that the time has.",
		impl:     clockFunc(func(t time.Time) int { return t.Hour() }),
		Examples: []FunctionExample{{`hour("2026-11-27T23:30:00Z", "Asia/Tokyo")`, `8`}},
	},
	{
		Signature: "weekday(time, zone?)", Doc: `Returns the day of the week as in ISO 8601: 1 is Monday, 7 is Sunday. formatdate("EEEE", time, zone) gives its name.`,
		impl:     clockFunc(ISOWeekday),
		Examples: []FunctionExample{{`weekday("2026-11-27T23:30:00Z", "Asia/Tokyo")`, `6`}, {`weekday("2026-11-27T23:30:00Z") <= 5`, `true`}},
	},
	{
		Signature: "timecmp(a, b)", Doc: "Compares two RFC 3339 times: -1 if a is before b, 0 if they are equal, 1 if a is after b.", impl: timeCmpFunc,
		Examples: []FunctionExample{{`timecmp("2026-11-27T12:00:00Z", "2026-11-27T13:00:00+01:00")`, `0`}},
	},
	{
		Signature: "timeadd(time, duration)", Doc: `Adds a duration such as "1h30m", "7d" or "-15m" to an RFC 3339 time.`, impl: timeAddFunc,
		Examples: []FunctionExample{{`timeadd("2026-11-27T12:00:00Z", "-1d")`, `"2026-11-26T12:00:00Z"`}},
	},
	{
		Signature: "unixtime(time)", Doc: "Converts an RFC 3339 time to seconds since 1970, with their fraction.", impl: unixTimeFunc,
		Examples: []FunctionExample{{`unixtime("2026-11-27T12:00:00.25Z")`, `1795780800.25`}},
	},
	{
		Signature: "parsetime(s, zone?)", Doc: "Reads a time and returns it as RFC 3339 in UTC. It may be RFC 3339, seconds since 1970, a date of mail or HTTP (RFC 1123), that of a web server's log, or written as 2026-11-27 12:00:00 or 2026-11-27. The zone, UTC by default, is for times that have none.", impl: parseTimeFunc,
		Examples: []FunctionExample{
			{`parsetime("Fri, 27 Nov 2026 12:00:00 GMT")`, `"2026-11-27T12:00:00Z"`},
			{`parsetime("2026-11-27 12:00", "Asia/Tokyo")`, `"2026-11-27T03:00:00Z"`},
			{`parsetime(1795780800)`, `"2026-11-27T12:00:00Z"`},
		},
	},
}

// zoneNames are the names of the database of zones that comes with Go: `unzip -Z1 $(go env GOROOT)/lib/time/zoneinfo.zip`.
//
//go:embed zones.txt
var zoneNames string

var (
	knownZones = sync.OnceValue(func() []string { return strings.Fields(zoneNames) })
	zones      sync.Map // of *time.Location; bounded, because only known names are loaded
)

// Zone returns a time zone by its IANA name.
func Zone(name string) (*time.Location, error) {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	if _, known := slices.BinarySearch(knownZones(), name); known {
		zone, err := time.LoadLocation(name)
		if err == nil {
			zones.Store(name, zone)
		}
		return zone, err
	}
	near := ""
	if len(name) <= 100 {
		near = suggestZone(name)
	}
	if near != "" {
		return nil, fmt.Errorf("there is no such time zone, but there is %q", near)
	}
	return nil, errZone
}

var errZone = errors.New(`there is no such time zone; zones are named like "Europe/Paris", "Asia/Tokyo" or "UTC"`)

// suggestZone finds "Asia/Tokyo" for "asia/tokyo", for "Tokyo" and for "Asia/Tokio". Nothing is like an abbreviation.
func suggestZone(name string) string {
	for _, zone := range knownZones() {
		if strings.EqualFold(zone, name) || strings.EqualFold(zone[strings.LastIndexByte(zone, '/')+1:], strings.ReplaceAll(name, " ", "_")) {
			return zone
		}
	}
	lower := map[string]string{}
	for _, zone := range knownZones() {
		if strings.Contains(zone, "/") {
			lower[strings.ToLower(zone)] = zone
		}
	}
	return lower[Suggest(name, slices.Collect(maps.Keys(lower)))]
}

// ParseTime reads an RFC 3339 time, and moves it into a zone if there is one.
func ParseTime(s string, zone *time.Location) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, function.NewArgErrorf(0, `not an RFC 3339 time such as "2026-01-02T15:04:05Z"; parsetime() reads other forms`)
	}
	if zone != nil {
		t = t.In(zone)
	}
	return t, nil
}

// ISOWeekday is 1 for Monday and 7 for Sunday.
func ISOWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// zonedFunc is a function of a time that may be given a zone; at is the place of the time among its string arguments, and the zone is the last.
func zonedFunc(result cty.Type, at int, f func(args []string, zone *time.Location) (cty.Value, error)) function.Function {
	return typedFunc(result, slices.Repeat([]cty.Type{cty.String}, at+1), &cty.String, func(args []cty.Value) (cty.Value, error) {
		texts := make([]string, len(args))
		for i, arg := range args {
			texts[i] = arg.AsString()
		}
		if len(args) <= at+1 {
			return f(texts, nil)
		}
		zone, err := Zone(texts[at+1])
		if err != nil {
			return cty.NilVal, function.NewArgError(at+1, err)
		}
		return f(texts, zone)
	})
}

var formatDateFunc = zonedFunc(cty.String, 1, func(args []string, zone *time.Location) (cty.Value, error) {
	t, err := ParseTime(args[1], zone)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	return stdlib.FormatDate(cty.StringVal(args[0]), cty.StringVal(t.Format(time.RFC3339)))
})

// clockFunc is for what a clock or calendar on the wall shows.
func clockFunc(read func(time.Time) int) function.Function {
	return zonedFunc(cty.Number, 0, func(args []string, zone *time.Location) (cty.Value, error) {
		t, err := ParseTime(args[0], zone)
		return cty.NumberIntVal(int64(read(t))), err
	})
}

var timeCmpFunc = textFunc(cty.Number, 2, func(a []string) (cty.Value, error) {
	var times [2]time.Time
	for i := range times {
		t, err := ParseTime(a[i], nil)
		if err != nil {
			return cty.NilVal, function.NewArgError(i, err)
		}
		times[i] = t
	}
	return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
})

var timeAddFunc = textFunc(cty.String, 2, func(a []string) (cty.Value, error) {
	t, err := ParseTime(a[0], nil)
	if err != nil {
		return cty.NilVal, err
	}
	length, negative := strings.CutPrefix(a[1], "-")
	d, err := ParseDuration(length)
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	if negative {
		d = -d
	}
	return timeValue(t.Add(d))
})

func timeValue(t time.Time) (cty.Value, error) {
	if t.Year() < 0 || t.Year() > 9999 {
		return cty.NilVal, errors.New("the year must be from 0 to 9999")
	}
	return cty.StringVal(t.Format(time.RFC3339Nano)), nil
}

var unixTimeFunc = textFunc(cty.Number, 1, func(a []string) (cty.Value, error) {
	t, err := ParseTime(a[0], nil)
	if err != nil {
		return cty.NilVal, err
	}
	ns := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(int64(time.Second)))
	return seconds(ns.Add(ns, big.NewInt(int64(t.Nanosecond())))), nil
})

var parseTimeFunc = zonedFunc(cty.String, 0, func(args []string, zone *time.Location) (cty.Value, error) {
	if zone == nil {
		zone = time.UTC
	}
	t, ok := parseAnyTime(strings.TrimSpace(args[0]), zone)
	if !ok {
		return cty.NilVal, function.NewArgErrorf(0, "none of the ways to write a time that parsetime knows")
	}
	return timeValue(t.UTC())
})

var (
	unixPattern = regexp.MustCompile(`^(-?\d{1,12})(?:\.(\d{1,9}))?$`)
	timeLayouts = []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
		"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "Monday, 02-Jan-06 15:04:05 -0700", time.ANSIC, "02/Jan/2006:15:04:05 -0700",
	}
)

// parseAnyTime reads a time without a zone as one of zone. Abbreviations of zones are ambiguous: only GMT and UTC are read.
func parseAnyTime(s string, zone *time.Location) (time.Time, bool) {
	if m := unixPattern.FindStringSubmatch(s); m != nil {
		seconds, _ := strconv.ParseInt(m[1], 10, 64) // the pattern bounds both
		ns, _ := strconv.ParseInt((m[2] + strings.Repeat("0", 9))[:9], 10, 64)
		if strings.HasPrefix(s, "-") {
			ns = -ns
		}
		return time.Unix(seconds, ns), true
	}
	for _, utc := range []string{" GMT", " UTC"} {
		if rest, ok := strings.CutSuffix(s, utc); ok {
			s = rest + " +0000"
		}
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
