package stats_test

import (
	"math"
	"math/rand"
	"testing"

	"github.com/pointsman/pointsman/plugins/stats-email/stats"
)

func series(xs ...float64) *stats.Series {
	s := new(stats.Series)
	for _, x := range xs {
		s.Add(x)
	}
	return s
}

func TestSampleText(t *testing.T) {
	const want = "Average: 99.506109\nUnbiased Variance: 243.961858\n"
	s := stats.Sample()
	if got := s.Text(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.Count() != 1000 || s.Skipped() != 0 {
		t.Errorf("count %d, skipped %d", s.Count(), s.Skipped())
	}
	if s.Min() != 47.705534329880855 || s.Max() != 159.16739426895526 {
		t.Errorf("min %v, max %v", s.Min(), s.Max())
	}
}

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		name           string
		xs             []float64
		count, skipped int64
		mean, variance float64
	}{
		{name: "empty"},
		{name: "one sample has no variance", xs: []float64{42}, count: 1, mean: 42},
		{name: "divides by n-1", xs: []float64{1, 2, 3, 4}, count: 4, mean: 2.5, variance: 5.0 / 3},
		{name: "constant", xs: []float64{7, 7, 7}, count: 3, mean: 7},
		{name: "negative", xs: []float64{-1, 1}, count: 2, variance: 2},
		{
			name: "not numbers are skipped", xs: []float64{1, math.NaN(), 2, math.Inf(1), 3, math.Inf(-1)},
			count: 3, skipped: 3, mean: 2, variance: 1,
		},
		{name: "only not numbers", xs: []float64{math.NaN()}, skipped: 1},
		{name: "large offset keeps its small variance", xs: []float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, count: 4, mean: 1e9 + 10, variance: 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := series(c.xs...)
			if s.Count() != c.count || s.Skipped() != c.skipped {
				t.Errorf("count %d, skipped %d; want %d, %d", s.Count(), s.Skipped(), c.count, c.skipped)
			}
			if s.Mean() != c.mean || s.UnbiasedVariance() != c.variance {
				t.Errorf("mean %v, variance %v; want %v, %v", s.Mean(), s.UnbiasedVariance(), c.mean, c.variance)
			}
		})
	}
}

// The streaming result must agree with the textbook's two passes.
func TestAgreesWithTwoPasses(t *testing.T) {
	r := rand.New(rand.NewSource(7)) // repeatable on purpose
	for range 50 {
		xs := make([]float64, 2+r.Intn(5000))
		scale, offset := math.Pow(10, float64(r.Intn(12)-6)), r.NormFloat64()*1e6
		for i := range xs {
			xs[i] = r.NormFloat64()*scale + offset
		}
		mean, variance := twoPasses(xs)
		s := series(xs...)
		if math.Abs(s.Mean()-mean) > 1e-12*math.Abs(mean) {
			t.Fatalf("mean %v, two passes %v", s.Mean(), mean)
		}
		// With a spread far below the offset, rounding of the samples themselves dominates both.
		if tolerance := 1e-6*variance + 1e-15*offset*offset; math.Abs(s.UnbiasedVariance()-variance) > tolerance {
			t.Fatalf("variance %v, two passes %v (scale %v, offset %v)", s.UnbiasedVariance(), variance, scale, offset)
		}
	}
}

func twoPasses(xs []float64) (mean, variance float64) {
	for _, x := range xs {
		mean += x
	}
	mean /= float64(len(xs))
	for _, x := range xs {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(xs)-1)
}
