package rule

import (
	"cmp"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

var edges = []int64{0, 1, -1, 2, -2, 3, 10, 1 << 31, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, -(1 << 53), math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1}

// TestArithmetic compares with exact integers.
func TestArithmetic(t *testing.T) {
	operations := map[string]struct {
		ours  arithmetic
		exact func(z, x, y *big.Int) *big.Int
	}{"+": {add, (*big.Int).Add}, "-": {subtract, (*big.Int).Sub}, "*": {multiply, (*big.Int).Mul}}
	for name, op := range operations {
		for _, x := range edges {
			for _, y := range edges {
				got, problem := op.ours(intNumber(x), intNumber(y))
				want := op.exact(new(big.Int), big.NewInt(x), big.NewInt(y))
				if problem != "" {
					t.Fatalf("%d %s %d: %s", x, name, y, problem)
				}
				if got.String() != want.String() || (got.big == nil) != want.IsInt64() {
					t.Errorf("%d %s %d = %s, want %s", x, name, y, got, want)
				}
			}
		}
	}
}

func TestDivision(t *testing.T) {
	for _, x := range edges {
		for _, y := range edges {
			q, problem := divide(intNumber(x), intNumber(y))
			r, also := modulo(intNumber(x), intNumber(y))
			if y == 0 {
				if problem == "" || also == "" {
					t.Errorf("%d by 0 = %s, %s", x, q, r)
				}
				continue
			}
			wantQ, wantR := new(big.Int).QuoRem(big.NewInt(x), big.NewInt(y), new(big.Int))
			if r.compare(intNumber(wantR.Int64())) != 0 {
				t.Errorf("%d %% %d = %s, want %s", x, y, r, wantR)
			}
			if wantR.Sign() == 0 && wantQ.IsInt64() && q.compare(intNumber(wantQ.Int64())) != 0 {
				t.Errorf("%d / %d = %s, want %s", x, y, q, wantQ)
			}
		}
	}
	if q, _ := divide(intNumber(1), intNumber(4)); q.String() != "0.25" {
		t.Errorf("1 / 4 = %s", q)
	}
}

func parsed(t *testing.T, s string) number {
	t.Helper()
	n, ok := parseNumber(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return n
}

// TestExact has numbers that float64 rounds.
func TestExact(t *testing.T) {
	for _, tt := range []struct {
		a, op, b, want string
	}{
		{"18446744073709551615", "-", "18446744073709551614", "1"},
		{"18446744073709551615", "+", "1", "18446744073709551616"},
		{"123456789012345678901234567890", "*", "10", "1234567890123456789012345678900"},
		{"123456789012345678901234567890", "%", "7", "0"},
		{"18446744073709551615", "%", "10", "5"},
		{"-18446744073709551615", "%", "10", "-5"},
		{"36893488147419103230", "/", "2", "18446744073709551615"},
		{"0.12345678901234567890123", "+", "1", "1.12345678901234567890123"},
		{"0.1", "*", "10", "1"},
		{"9223372036854775807", "*", "9223372036854775807", "85070591730234615847396907784232501249"},
		{"1e300", "*", "1e300", ""},
		{"1e-900", "*", "1e-900", ""},
		{"1e308", "/", "1e-900", ""},
		{strings.Repeat("7", 140), "*", strings.Repeat("7", 140), ""},
	} {
		got, problem := map[string]arithmetic{"+": add, "-": subtract, "*": multiply, "/": divide, "%": modulo}[tt.op](parsed(t, tt.a), parsed(t, tt.b))
		if s := got.String(); problem != "" && tt.want != "" || problem == "" && s != tt.want {
			t.Errorf("%s %s %s = %s %s, want %s", tt.a, tt.op, tt.b, s, problem, tt.want)
		}
	}
}

// TestCompare has numbers in order.
func TestCompare(t *testing.T) {
	var all []number
	for _, s := range []string{
		"-1e300", "-18446744073709551615", "-9223372036854775809", "-9223372036854775808", "-2.5", "-2", "-1e-999", "0", "1e-999", "0.5", "1",
		"9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775807.5", "9223372036854775808", "18446744073709551614",
		"18446744073709551615", "123456789012345678901234567890", "1e308",
	} {
		all = append(all, parsed(t, s))
	}
	for i, x := range all {
		for j, y := range all {
			if got, want := x.compare(y), cmp.Compare(i, j); got != want || equal(numberValue(x), numberValue(y)) != (want == 0) {
				t.Errorf("%s compared with %s is %d, want %d", x, y, got, want)
			}
		}
	}
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]string{
		"12": "12", "-7": "-7", "+3": "3", "1.50": "1.5", "1e3": "1000", "1E-2": "0.01", "9007199254740993": "9007199254740993", "-0.0": "0",
		"9223372036854775808": "9223372036854775808", "18446744073709551615.0": "18446744073709551615", "0.1000000000000000000001": "0.1000000000000000000001",
		"": "", "x": "", "1_000": "", "0x10": "", "inf": "", "NaN": "", "1e999": "", " 1": "", "1 ": "", "1p5": "", "1e10000000": "", "1e-10000000": "", "e": "", ".": "",
		strings.Repeat("9", 150): strings.Repeat("9", 150), strings.Repeat("9", 151): "",
	} {
		n, ok := parseNumber(s)
		if ok != (want != "") || ok && n.String() != want {
			t.Errorf("%q reads as %s, %t", s, n, ok)
		}
	}
	for range 1000 {
		f := math.Float64frombits(rand.Uint64())
		n, ok := floatNumber(f)
		if !ok {
			continue
		}
		if again, ok := parseNumber(n.String()); !ok || again.compare(n) != 0 {
			t.Fatalf("%g is written %s and read %s", f, n, again)
		}
	}
}

// TestWholeNumbersAllocateNothing holds the fast path of most rules.
func TestWholeNumbersAllocateNothing(t *testing.T) {
	a, b := intNumber(1<<62), intNumber(-12345)
	var buf [32]byte
	n := testing.AllocsPerRun(100, func() {
		sum, _ := add(a, b)
		rest, _ := modulo(sum, b)
		if rest.compare(a) == 0 || len(sum.append(buf[:0])) == 0 {
			t.Fatal(sum, rest)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestShortDecimals compares decimals with exact fractions, and with the floats that HCL has for them.
func TestShortDecimals(t *testing.T) {
	texts := []string{"0.5", "-0.5", "0.05", "1.50", "-0.0", "7", "7.0", "999999999999999999", "0.99999999999999999", "-123456789012345678.9", "1.00000000000000000001", "0.1", "0.10000000000000001", "1000000000000000000000.5"}
	for i, text := range texts {
		n, ok := parseNumber(text)
		exact, _ := new(big.Rat).SetString(text)
		if back, _ := new(big.Rat).SetString(n.String()); !ok || back.Cmp(exact) != 0 {
			t.Errorf("%s is %s", text, n)
		}
		float, _, _ := big.ParseFloat(text, 10, precision, big.ToNearestEven)
		if n.float().Cmp(float) != 0 {
			t.Errorf("%s as a float is %s", text, n.float())
		}
		for _, other := range texts[i:] {
			m, _ := parseNumber(other)
			fraction, _ := new(big.Rat).SetString(other)
			if got, want := n.compare(m), exact.Cmp(fraction); got != want || m.compare(n) != -want {
				t.Errorf("%s and %s: %d, want %d", text, other, got, want)
			}
		}
	}
}
