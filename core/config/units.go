package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	errDuration = errors.New(`a duration is written like "30s", "5m", "24h" or "7d"`)
	errSize     = errors.New(`a size is written like "512KiB", "512MiB", "10GiB", or as a number of bytes`)
	errRate     = errors.New(`a rate is written like "1/s", "30/m", "500/h" or "10000/d"`)
)

var daysPattern = regexp.MustCompile(`^([0-9]+)d(.*)$`)

// ParseDuration reads what Go's time.ParseDuration reads, and days of 24 hours before it: "7d", "1d12h". A duration is
// never negative.
func ParseDuration(s string) (time.Duration, error) {
	var days time.Duration
	rest := s
	if m := daysPattern.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n > math.MaxInt64/int(24*time.Hour) {
			return 0, errDuration
		}
		days, rest = time.Duration(n)*24*time.Hour, m[2]
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days > math.MaxInt64-d {
		return 0, errDuration
	}
	return days + d, nil
}

var sizeUnits = map[string]int64{
	"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// ParseSize reads a number of bytes: "512MiB" (powers of 1024), "10GB" (powers of 1000), "1.5MiB", "1048576".
func ParseSize(s string) (int64, error) {
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		return 0, errSize
	}
	number, ok := new(big.Rat).SetString(m[1])
	unit, known := sizeUnits[strings.ToLower(m[2])]
	if !ok || !known {
		return 0, errSize
	}
	n := number.Mul(number, new(big.Rat).SetInt64(unit))
	if !n.IsInt() || !n.Num().IsInt64() {
		return 0, errSize
	}
	return n.Num().Int64(), nil
}

var sizePattern = regexp.MustCompile(`^(\d{1,19}(?:\.\d{1,9})?) *([A-Za-z]*)$`)

var ratePeriods = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads how many in which time: "1/s", "30/m".
func ParseRate(s string) (Rate, error) {
	count, period, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := ratePeriods[strings.TrimSpace(period)]
	if err != nil || n < 1 || n > 1e6 || per == 0 {
		return Rate{}, errRate
	}
	return Rate{N: n, Per: per}, nil
}

// checkListen reports whether s is host:port to listen on.
func checkListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New(`an address to listen on is written like "127.0.0.1:8080", "[::1]:8080" or ":8080"`)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	if _, err := netip.ParseAddr(host); host == "" || err == nil || hostname.MatchString(host) {
		return nil
	}
	return fmt.Errorf("%q is neither an IP address nor a host name", host)
}

var hostname = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// loopback reports whether only this machine can connect to a listener on s.
func loopback(s string) bool {
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
