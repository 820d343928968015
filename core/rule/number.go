package rule

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// number is exact: whole / 10^scale, or a float of 512 bits, as HCL has it. Whole numbers that fit into whole have that form. A decimal
// of at most 18 digits has it if it was read from text, and may be a float if it was computed.
type number struct {
	whole int64
	// scale is how many digits of whole are behind the point. The last one is not 0.
	scale uint8
	big   *big.Float // never changed; nil: whole and scale
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
	if n, ok := parseShort(s); ok {
		return n, true
	}
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

// maxShort is how many digits are sure to fit into an int64.
const maxShort = 18

// parseShort parses -digits.digits, the form of nearly all numbers. It returns false for any other form, and for more digits than
// maxShort.
func parseShort(s string) (number, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > maxShort+1 {
		return number{}, false
	}
	n, point := int64(0), -1
	for i := range len(digits) {
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0 && i > 0 && i < len(digits)-1:
			point = i
		default:
			return number{}, false
		}
	}
	if point < 0 && len(digits) > maxShort {
		return number{}, false
	}
	scale := 0
	if point >= 0 {
		scale = len(digits) - 1 - point
	}
	for scale > 0 && n%10 == 0 {
		n, scale = n/10, scale-1
	}
	if len(digits) < len(s) {
		n = -n
	}
	return number{whole: n, scale: uint8(scale)}, true
}

// isDecimal reports whether s has only the characters of a decimal number.
func isDecimal(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.+-eE") == ""
}

// float returns n as a float, which the caller must not change.
func (n number) float() *big.Float {
	switch {
	case n.big != nil:
		return n.big
	case n.scale > 0:
		b, _, err := big.ParseFloat(n.String(), 10, precision, big.ToNearestEven)
		if err != nil {
			panic(err) // it is a number
		}
		return b
	}
	return new(big.Float).SetPrec(precision).SetInt64(n.whole)
}

// isInt reports whether n is an int64.
func (n number) isInt() bool { return n.big == nil && n.scale == 0 }

func (n number) isZero() bool { return n.big == nil && n.whole == 0 }

func (n number) compare(m number) int {
	if n.big == nil && m.big == nil {
		a, fits := n.shifted(m.scale)
		b, also := m.shifted(n.scale)
		if fits && also {
			return order(a < b, a > b)
		}
	}
	return n.float().Cmp(m.float())
}

// shifted returns whole with the digits behind the point that another number has in addition.
func (n number) shifted(scale uint8) (int64, bool) {
	a := n.whole
	for ; scale > n.scale; scale-- {
		if a > math.MaxInt64/10 || a < math.MinInt64/10 {
			return 0, false
		}
		a *= 10
	}
	return a, true
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
	if n.scale == 0 {
		return strconv.AppendInt(buf, n.whole, 10)
	}
	if n.whole < 0 {
		buf = append(buf, '-')
		n.whole = -n.whole
	}
	start := len(buf)
	buf = strconv.AppendInt(buf, n.whole, 10)
	for len(buf)-start <= int(n.scale) {
		buf = slices.Insert(buf, start, '0')
	}
	return slices.Insert(buf, len(buf)-int(n.scale), '.')
}

// exactly is String for a number that may be computed with fewer bits than those of events have: equal numbers have the same text.
func (n number) exactly() string {
	if n.big != nil && n.big.Prec() != precision {
		n.big = new(big.Float).SetPrec(precision).Set(n.big)
	}
	return n.String()
}

func (n number) String() string { return string(n.append(nil)) }

// An arithmetic operation returns why it has no result.
type arithmetic func(a, b number) (number, string)

func add(a, b number) (number, string) {
	if s := a.whole + b.whole; a.isInt() && b.isInt() && (s > a.whole) == (b.whole > 0) {
		return intNumber(s), ""
	}
	return exact(a, b, (*big.Float).Add)
}

func subtract(a, b number) (number, string) {
	if s := a.whole - b.whole; a.isInt() && b.isInt() && (s < a.whole) == (b.whole > 0) {
		return intNumber(s), ""
	}
	return exact(a, b, (*big.Float).Sub)
}

func multiply(a, b number) (number, string) {
	if a.isInt() && b.isInt() {
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
	case !a.isInt() || !b.isInt():
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
	case !a.isInt() || !b.isInt():
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
