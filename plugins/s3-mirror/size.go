package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// units of sizes: those of 1024 and those of 1000.
var units = map[string]float64{
	"": 1, "b": 1,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
}

var errSize = errors.New(`want a size such as "8MiB"; units are B, KiB, MiB, GiB, TiB, and KB, MB, GB, TB for powers of 1000`)

// parseSize reads "8MiB", "1.5 GiB" or "1000" into bytes.
func parseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(text)
	}
	number, err := strconv.ParseFloat(text[:end], 64)
	unit, known := units[strings.ToLower(strings.TrimSpace(text[end:]))]
	if err != nil || !known || number*unit >= math.MaxInt64 {
		return 0, errSize
	}
	return int64(number * unit), nil
}
