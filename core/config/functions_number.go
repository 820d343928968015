package config

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var numberFunctions = []FunctionDoc{
	{
		Signature: "min(numbers...)", Doc: "Returns the smallest number.", impl: stdlib.MinFunc,
		Examples: []FunctionExample{{`min(3, 1, 2)`, `1`}, {`min([3, 1, 2]...)`, `1`}},
	},
	{
		Signature: "max(numbers...)", Doc: "Returns the largest number.", impl: stdlib.MaxFunc,
		Examples: []FunctionExample{{`max(3, 1, 2)`, `3`}},
	},
	{
		Signature: "sum(list)", Doc: "Adds up a list of numbers, which must not be empty.", impl: sumFunc,
		Examples: []FunctionExample{{`sum([1.5, 2, 0.25])`, `3.75`}},
	},
	{
		Signature: "abs(n)", Doc: "Returns the absolute value of the number.", impl: stdlib.AbsoluteFunc,
		Examples: []FunctionExample{{`abs(-1.5)`, `1.5`}},
	},
	{
		Signature: "signum(n)", Doc: "Returns -1, 0 or 1 for a number below, equal to or above 0.", impl: signumFunc,
		Examples: []FunctionExample{{`signum(-7)`, `-1`}},
	},
	{
		Signature: "ceil(n)", Doc: "Rounds the number up.", impl: stdlib.CeilFunc,
		Examples: []FunctionExample{{`ceil(1.1)`, `2`}},
	},
	{
		Signature: "floor(n)", Doc: "Rounds the number down.", impl: stdlib.FloorFunc,
		Examples: []FunctionExample{{`floor(1.9)`, `1`}},
	},
	{
		Signature: "parseint(s, base)", Doc: "Parses a string as a whole number in a base from 2 to 62.", impl: checked(stdlib.ParseIntFunc, checkParseInt), Returns: "number",
		Examples: []FunctionExample{{`parseint("ff", 16)`, `255`}},
	},
	{
		Signature: "bytes(size)", Doc: `Converts a size such as "10MiB", "1.5GB" or "512" to bytes. KiB, MiB and GiB are powers of 1024; kB, MB and GB powers of 1000.`, impl: bytesFunc,
		Examples: []FunctionExample{{`bytes("10MiB")`, `10485760`}, {`bytes("1.5 kB")`, `1500`}},
	},
	{
		Signature: "humanbytes(n)", Doc: "Writes a number of bytes for people, in powers of 1024.", impl: humanBytesFunc,
		Examples: []FunctionExample{{`humanbytes(10485760)`, `"10 MiB"`}, {`humanbytes(1536)`, `"1.5 KiB"`}},
	},
	{
		Signature: "duration(s)", Doc: `Converts a duration such as "1h30m" or "7d" to seconds.`, impl: durationFunc,
		Examples: []FunctionExample{{`duration("1h30m")`, `5400`}, {`duration("7d")`, `604800`}},
	},
	{
		Signature: "humanduration(seconds)", Doc: "Writes a number of seconds for people, in the two largest units. The rest is cut off.", impl: humanDurationFunc,
		Examples: []FunctionExample{{`humanduration(93784)`, `"1d2h"`}, {`humanduration(5400)`, `"1h30m"`}, {`humanduration(0.25)`, `"250ms"`}},
	},
}

var sumFunc = typedFunc(cty.Number, []cty.Type{cty.DynamicPseudoType}, nil, func(args []cty.Value) (cty.Value, error) {
	if !isListType(args[0].Type()) {
		return cty.NilVal, errNotList
	}
	total := cty.NumberVal(new(big.Float).SetPrec(numberPrecision))
	for _, e := range args[0].Elements() {
		if outOfRange(knownText(e)) {
			return cty.NilVal, function.NewArgError(0, errOutOfRange)
		}
		n, err := convert.Convert(e, cty.Number)
		if err != nil || n.IsNull() {
			return cty.NilVal, function.NewArgErrorf(0, "every element must be a number")
		}
		total = total.Add(n)
	}
	if args[0].LengthInt() == 0 {
		return cty.NilVal, function.NewArgErrorf(0, "the list is empty")
	}
	return total, nil
})

// signumFunc takes any number; that of go-cty takes whole ones.
var signumFunc = typedFunc(cty.Number, []cty.Type{cty.Number}, nil, func(args []cty.Value) (cty.Value, error) {
	return cty.NumberIntVal(int64(args[0].AsBigFloat().Sign())), nil
})

const maxParseInt = 1000

func checkParseInt(args []cty.Value) error {
	if len(knownText(args[0])) > maxParseInt {
		return function.NewArgError(0, errOutOfRange)
	}
	return nil
}

var bytesFunc = textFunc(cty.Number, 1, func(a []string) (cty.Value, error) {
	n, err := ParseSize(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return cty.NumberIntVal(n), nil
})

var durationFunc = textFunc(cty.Number, 1, func(a []string) (cty.Value, error) {
	d, err := ParseDuration(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return seconds(big.NewInt(int64(d))), nil
})

// numberPrecision is that of HCL's numbers, in bits.
const numberPrecision = 512

// seconds converts nanoseconds exactly.
func seconds(nanoseconds *big.Int) cty.Value {
	n := new(big.Float).SetPrec(numberPrecision).SetInt(nanoseconds)
	return cty.NumberVal(n.Quo(n, new(big.Float).SetPrec(numberPrecision).SetInt64(int64(time.Second))))
}

var humanBytesFunc = typedFunc(cty.String, []cty.Type{cty.Number}, nil, func(args []cty.Value) (cty.Value, error) {
	text, err := HumanBytes(args[0].AsBigFloat())
	return cty.StringVal(text), err
})

// HumanBytes writes "1.5 KiB".
func HumanBytes(n *big.Float) (string, error) {
	whole, _ := new(big.Float).Abs(n).Uint64()
	if whole == math.MaxUint64 {
		return "", errOutOfRange
	}
	if n.Sign() < 0 && whole > 0 {
		return "-" + humanize.IBytes(whole), nil
	}
	return humanize.IBytes(whole), nil
}

var humanDurationFunc = typedFunc(cty.String, []cty.Type{cty.Number}, nil, func(args []cty.Value) (cty.Value, error) {
	text, err := HumanDuration(args[0].AsBigFloat())
	return cty.StringVal(text), err
})

var errLongDuration = errors.New("a duration may have at most 290 years")

// HumanDuration writes "1h30m".
func HumanDuration(seconds *big.Float) (string, error) {
	ns, _ := new(big.Float).Mul(seconds, big.NewFloat(float64(time.Second))).Int64()
	if ns == math.MaxInt64 || ns == math.MinInt64 {
		return "", errLongDuration
	}
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	const day = 24 * time.Hour
	d, days := time.Duration(ns), ""
	switch {
	case d >= day:
		days, d = strconv.FormatInt(int64(d/day), 10)+"d", (d % day).Truncate(time.Hour)
	case d >= time.Hour:
		d = d.Truncate(time.Minute)
	case d >= time.Second:
		d = d.Truncate(time.Second)
	default:
		d = d.Truncate(time.Millisecond)
	}
	if d == 0 && days != "" {
		return sign + days, nil
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return sign + days + text, nil
}
