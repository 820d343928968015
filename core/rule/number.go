package rule

import (
	"math"
	"strconv"
)

// number is a whole number as int64, anything else as float64. Each value has one form only, so == compares.
type number struct {
	bits  uint64
	float bool
}

func intNumber(i int64) number { return number{bits: uint64(i)} }

// floatNumber returns false for what is not a number: infinities and NaN.
func floatNumber(f float64) (number, bool) {
	if f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 {
		return intNumber(int64(f)), true
	}
	return number{bits: math.Float64bits(f), float: true}, !math.IsInf(f, 0) && !math.IsNaN(f)
}

// parseNumber takes a decimal number as HCL and JSON write it.
func parseNumber(s string) (number, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return intNumber(i), true
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return number{}, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return number{}, false
	}
	return floatNumber(f)
}

func (n number) int() int64 { return int64(n.bits) }

func (n number) float64() float64 {
	if n.float {
		return math.Float64frombits(n.bits)
	}
	return float64(n.int())
}

// compare is exact: a float that is not whole is below 2^53, and a whole one is beyond int64.
func (n number) compare(m number) int {
	if !n.float && !m.float {
		return order(n.int() < m.int(), n.int() > m.int())
	}
	a, b := n.float64(), m.float64()
	if a == b && n.float != m.float {
		return order(m.float, n.float)
	}
	return order(a < b, a > b)
}

func order(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// append writes plain decimal digits, as HCL turns a number into a string.
func (n number) append(buf []byte) []byte {
	if n.float {
		return strconv.AppendFloat(buf, n.float64(), 'f', -1, 64)
	}
	return strconv.AppendInt(buf, n.int(), 10)
}

func (n number) String() string { return string(n.append(nil)) }

// An arithmetic operation returns why it has no result.
type arithmetic func(a, b number) (number, string)

func add(a, b number) (number, string) {
	if s := a.int() + b.int(); !a.float && !b.float && (s > a.int()) == (b.int() > 0) {
		return intNumber(s), ""
	}
	return finite(a.float64() + b.float64())
}

func subtract(a, b number) (number, string) {
	if s := a.int() - b.int(); !a.float && !b.float && (s < a.int()) == (b.int() > 0) {
		return intNumber(s), ""
	}
	return finite(a.float64() - b.float64())
}

func multiply(a, b number) (number, string) {
	if !a.float && !b.float {
		x, y := a.int(), b.int()
		if p := x * y; x == 0 || (p/x == y && (x != -1 || y != math.MinInt64)) {
			return intNumber(p), ""
		}
	}
	return finite(a.float64() * b.float64())
}

func divide(a, b number) (number, string) {
	if b.bits == 0 {
		return number{}, "division by zero"
	}
	switch {
	case a.float || b.float:
	case b.int() == -1:
		return multiply(a, b)
	case a.int()%b.int() == 0:
		return intNumber(a.int() / b.int()), ""
	}
	return finite(a.float64() / b.float64())
}

func modulo(a, b number) (number, string) {
	if b.bits == 0 {
		return number{}, "division by zero"
	}
	switch {
	case a.float || b.float:
	case b.int() == -1:
		return number{}, ""
	default:
		return intNumber(a.int() % b.int()), ""
	}
	return finite(math.Mod(a.float64(), b.float64()))
}

func finite(f float64) (number, string) {
	n, ok := floatNumber(f)
	if !ok {
		return number{}, "the result is too large for a number"
	}
	return n, ""
}
