package rule

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// number is exact: an int64 if it is whole and fits, otherwise a float of 512 bits, as HCL has it, which is never changed.
// Each value has one form only.
type number struct {
	whole int64
	big   *big.Float // nil: whole
}

// precision is that of HCL's numbers, in bits. It holds 154 decimal digits.
const precision = 512

// bigWork is the cost of one operation with a number that is not an int64, in the steps of maxWork.
const bigWork = 1000

const outOfRange = "the result is out of range: numbers have at most 150 digits and the magnitude of a float64"

func intNumber(i int64) number { return number{whole: i} }

// floatNumber returns the shortest decimal that parses to f. It returns false for infinities and NaN.
func floatNumber(f float64) (number, bool) {
	return parseNumber(strconv.FormatFloat(f, 'g', -1, 64))
}

// bigNumber takes ownership of b. It returns false if b cannot be held exactly or is out of range.
func bigNumber(b *big.Float) (number, bool) {
	if i, accuracy := b.Int64(); accuracy == big.Exact {
		return intNumber(i), true
	}
	return number{big: b}, b.MinPrec() <= precision && jsondoc.FloatInRange(b)
}

// parseNumber parses a decimal number as HCL and JSON write it. It rejects numbers out of range.
func parseNumber(s string) (number, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return intNumber(i), true
	}
	if !isDecimal(s) || !jsondoc.InRange(s) {
		return number{}, false
	}
	b, _, err := big.ParseFloat(s, 10, precision, big.ToNearestEven)
	if err != nil {
		return number{}, false
	}
	return bigNumber(b)
}

// isDecimal reports whether s has only the characters of a decimal number.
func isDecimal(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.+-eE") == ""
}

// float returns n as a float, which the caller must not change.
func (n number) float() *big.Float {
	if n.big != nil {
		return n.big
	}
	return new(big.Float).SetPrec(precision).SetInt64(n.whole)
}

func (n number) isZero() bool { return n.big == nil && n.whole == 0 }

func (n number) compare(m number) int {
	if n.big == nil && m.big == nil {
		return order(n.whole < m.whole, n.whole > m.whole)
	}
	return n.float().Cmp(m.float())
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
	if n.big != nil {
		return n.big.Append(buf, 'f', -1)
	}
	return strconv.AppendInt(buf, n.whole, 10)
}

func (n number) String() string { return string(n.append(nil)) }

// An arithmetic operation returns why it has no result.
type arithmetic func(a, b number) (number, string)

func add(a, b number) (number, string) {
	if s := a.whole + b.whole; a.big == nil && b.big == nil && (s > a.whole) == (b.whole > 0) {
		return intNumber(s), ""
	}
	return exact(a, b, (*big.Float).Add)
}

func subtract(a, b number) (number, string) {
	if s := a.whole - b.whole; a.big == nil && b.big == nil && (s < a.whole) == (b.whole > 0) {
		return intNumber(s), ""
	}
	return exact(a, b, (*big.Float).Sub)
}

func multiply(a, b number) (number, string) {
	if a.big == nil && b.big == nil {
		x, y := a.whole, b.whole
		if p := x * y; x == 0 || (p/x == y && (x != -1 || y != math.MinInt64)) {
			return intNumber(p), ""
		}
	}
	return exact(a, b, (*big.Float).Mul)
}

// exact computes with floats. Whole numbers are never rounded: a result with too many digits is an error.
func exact(a, b number, compute func(z, x, y *big.Float) *big.Float) (number, string) {
	x, y := a.float(), b.float()
	z := compute(new(big.Float).SetPrec(precision), x, y)
	if z.Acc() != big.Exact && x.IsInt() && y.IsInt() {
		return number{}, outOfRange
	}
	return inRange(z)
}

func divide(a, b number) (number, string) {
	switch {
	case b.isZero():
		return number{}, "division by zero"
	case a.big != nil || b.big != nil:
	case b.whole == -1:
		return multiply(a, b)
	case a.whole%b.whole == 0:
		return intNumber(a.whole / b.whole), ""
	}
	return inRange(new(big.Float).SetPrec(precision).Quo(a.float(), b.float()))
}

func modulo(a, b number) (number, string) {
	switch {
	case b.isZero():
		return number{}, "division by zero"
	case a.big != nil || b.big != nil:
	case b.whole == -1:
		return number{}, ""
	default:
		return intNumber(a.whole % b.whole), ""
	}
	// The remainder is a - b*trunc(a/b). The product has the digits of both, so that nothing of it is lost.
	quotient, _ := new(big.Float).SetPrec(precision).Quo(a.float(), b.float()).Int(nil)
	product := new(big.Float).SetPrec(4*precision).Mul(b.float(), new(big.Float).SetInt(quotient))
	return inRange(new(big.Float).SetPrec(precision).Sub(a.float(), product))
}

func inRange(b *big.Float) (number, string) {
	n, ok := bigNumber(b)
	if !ok {
		return number{}, outOfRange
	}
	return n, ""
}
