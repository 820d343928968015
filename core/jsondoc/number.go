package jsondoc

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Bounds of a number. A 512-bit float, as HCL computes with, holds MaxDigits decimal digits exactly. The exponents are those of
// a float64, with room below for what is too small to tell from 0; they bound the length of a number that is written out.
const (
	MaxDigits   = 150
	minExponent = -1000
	maxExponent = 308
)

// The binary exponents of the numbers that InRange allows.
const (
	minBinary = -3322
	maxBinary = 1024
)

// FloatInRange is InRange for a number that was computed. It does not count digits, which the precision of the float bounds.
func FloatInRange(f *big.Float) bool {
	exponent := f.MantExp(nil)
	return !f.IsInf() && exponent >= minBinary && exponent <= maxBinary
}

// number reads a number at its first byte.
func (d *Document) number() error {
	start := d.pos
	d.accept('-')
	if !d.accept('0') && !d.digits() {
		if d.pos == start {
			return d.notJSON("no value")
		}
		return d.notJSON("number without digits")
	}
	if d.accept('.') && !d.digits() {
		return d.notJSON("fraction without digits")
	}
	if d.accept('e') || d.accept('E') {
		_ = d.accept('+') || d.accept('-')
		if !d.digits() {
			return d.notJSON("exponent without digits")
		}
	}
	if !InRange(d.text[start:d.pos]) {
		d.pos = start
		return d.fail(NumberRange, "number with more than "+strconv.Itoa(MaxDigits)+" digits or beyond the range of a float64")
	}
	return nil
}

// digits passes one or more digits; false when there is none.
func (d *Document) digits() bool {
	start := d.pos
	for d.pos < len(d.text) && '0' <= d.text[d.pos] && d.text[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > start
}

// InRange reports whether a decimal number has at most MaxDigits significant digits and the magnitude of a float64. It is
// cheap for any text: 1e99999999 must not be computed to see that it is too large.
func InRange(number string) bool {
	const always = 18 // characters without an exponent
	exponentAt := strings.IndexAny(number, "eE")
	if exponentAt < 0 && len(number) <= always {
		return true
	}
	mantissa, exponent := number, 0
	if exponentAt >= 0 {
		mantissa = number[:exponentAt]
		var err error
		if exponent, err = strconv.Atoi(number[exponentAt+1:]); err != nil {
			exponent = math.MaxInt32 // or far below zero: out of range either way
		}
	}
	digits, magnitude := significant(mantissa)
	if digits == 0 {
		return exponent >= -math.MaxInt16 && exponent <= math.MaxInt16
	}
	magnitude += exponent
	if digits > MaxDigits || magnitude < minExponent || magnitude > maxExponent {
		return false
	}
	if magnitude < maxExponent {
		return true
	}
	_, err := strconv.ParseFloat(number, 64)
	return err == nil
}

// significant counts the digits between the first and the last that is not 0. magnitude is the power of ten of the first.
func significant(mantissa string) (digits, magnitude int) {
	mantissa = strings.TrimLeft(mantissa, "+-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	magnitude = len(whole) - 1
	if whole == "" {
		trimmed := strings.TrimLeft(fraction, "0")
		magnitude = len(trimmed) - len(fraction) - 1
		fraction = trimmed
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
		whole = strings.TrimRight(whole, "0")
	}
	return len(whole) + len(fraction), magnitude
}
