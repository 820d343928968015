// Package stats computes mean and unbiased variance of a series while it streams by: memory does not grow with the series.
package stats

import (
	"fmt"
	"math"
	"math/rand"
)

// Series accumulates samples. The zero value is an empty series, ready to use; not safe for concurrent use.
type Series struct {
	n       int64
	mean    float64
	m2      float64 // sum of squared differences from the mean
	min     float64
	max     float64
	skipped int64
}

// Add takes one sample. NaN and infinities are counted as skipped and change nothing else: one of them would make every
// result NaN.
func (s *Series) Add(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		s.skipped++
		return
	}
	if s.n == 0 || x < s.min {
		s.min = x
	}
	if s.n == 0 || x > s.max {
		s.max = x
	}
	// Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", Technometrics 4 (1962).
	s.n++
	delta := x - s.mean
	s.mean += delta / float64(s.n)
	s.m2 += delta * (x - s.mean)
}

// Count is the number of samples in the statistics; skipped ones are not.
func (s *Series) Count() int64 { return s.n }

// Skipped is the number of samples that were NaN or infinite.
func (s *Series) Skipped() int64 { return s.skipped }

// Mean is 0 for an empty series.
func (s *Series) Mean() float64 { return s.mean }

// Min is the smallest sample, 0 for an empty series.
func (s *Series) Min() float64 { return s.min }

// Max is the largest sample, 0 for an empty series.
func (s *Series) Max() float64 { return s.max }

// UnbiasedVariance divides by n-1. It is 0 for fewer than two samples.
func (s *Series) UnbiasedVariance() float64 {
	if s.n < 2 {
		return 0
	}
	return s.m2 / float64(s.n-1)
}

// Text is the report: two lines, six decimals, each line ended by a newline. Do not print it for an empty series.
func (s *Series) Text() string {
	return fmt.Sprintf("Average: %f\nUnbiased Variance: %f\n", s.Mean(), s.UnbiasedVariance())
}

// sampleSize is the number of values that Sample generates.
const sampleSize = 1000

// Sample is a made-up series for trying things out without an intdash server: 1000 values of a normal distribution with
// mean 100 and standard deviation 15, always the same ones.
func Sample() *Series {
	r := rand.New(rand.NewSource(0)) // repeatable on purpose
	s := new(Series)
	for range sampleSize {
		s.Add(r.NormFloat64()*15 + 100)
	}
	return s
}
