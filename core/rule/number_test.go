package rule

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

var edges = []int64{0, 1, -1, 2, -2, 3, 10, 1 << 31, 1 << 32, 1<<53 - 1, 1 << 53, 1<<53 + 1, -(1 << 53), math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1}

// TestArithmetic compares with exact integers: a result that fits is exact, another one is the nearest float64.
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
				if want.IsInt64() {
					if got != intNumber(want.Int64()) {
						t.Errorf("%d %s %d = %s, want %s", x, name, y, got, want)
					}
					continue
				}
				exact, _ := new(big.Float).SetInt(want).Float64()
				if f := got.float64(); math.Abs(f-exact) > math.Abs(exact)*1e-15 {
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
			if r != intNumber(wantR.Int64()) {
				t.Errorf("%d %% %d = %s, want %s", x, y, r, wantR)
			}
			if wantR.Sign() == 0 && wantQ.IsInt64() && q != intNumber(wantQ.Int64()) {
				t.Errorf("%d / %d = %s, want %s", x, y, q, wantQ)
			}
		}
	}
	if q, _ := divide(intNumber(1), intNumber(4)); q.String() != "0.25" {
		t.Errorf("1 / 4 = %s", q)
	}
}

// TestCompare compares whole and fractional numbers with exact arithmetic.
func TestCompare(t *testing.T) {
	var all []number
	for _, i := range edges {
		all = append(all, intNumber(i))
	}
	for _, f := range []float64{0.5, -0.5, 2.5, 1e15 + 0.5, -1e15 - 0.5, 1 << 63, -(1 << 63), 1e19, -1e19, 1e300, -1e300, math.SmallestNonzeroFloat64} {
		n, ok := floatNumber(f)
		if !ok {
			t.Fatal(f)
		}
		all = append(all, n)
	}
	for _, x := range all {
		for _, y := range all {
			if got, want := x.compare(y), exact(x).Cmp(exact(y)); got != want || (x == y) != (want == 0) {
				t.Errorf("%s compared with %s is %d, want %d", x, y, got, want)
			}
		}
	}
}

func exact(n number) *big.Float {
	b := new(big.Float).SetPrec(2000)
	if n.float {
		return b.SetFloat64(n.float64())
	}
	return b.SetInt64(n.int())
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]string{
		"12": "12", "-7": "-7", "+3": "3", "1.50": "1.5", "1e3": "1000", "1E-2": "0.01", "9007199254740993": "9007199254740993",
		"9223372036854775808": "9223372036854776000", "": "", "x": "", "1_000": "", "0x10": "", "inf": "", "NaN": "", "1e999": "", " 1": "", "1 ": "",
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
		if again, ok := parseNumber(n.String()); !ok || again != n {
			t.Fatalf("%g is written %s and read %s", f, n, again)
		}
	}
}
