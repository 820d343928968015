package main

import (
	"fmt"
	"math"
	"strings"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"

	"github.com/pointsman/pointsman/plugins/stats-email/stats"
)

// report is what a template sees.
type report struct {
	// Average and the others are printed with six decimals, or as printf says.
	Average, UnbiasedVariance, Min, Max number
	// Count is the number of samples in the statistics.
	Count int64
	// Skipped were NaN or infinite, Vectors held several numbers, Unconverted could not be read by the server.
	Skipped, Vectors, Unconverted int64
	// Measurement and Project are UUIDs, or empty.
	Measurement, Project string
	// Subject of the mail. Empty in the subject itself.
	Subject string
	// Event is what the rule matched.
	Event event
}

// event is the part of the envelope that templates can use.
type event struct {
	ID, Source, Type, Subject string
}

// number prints with six decimals, like the default text.
type number float64

func (n number) String() string { return fmt.Sprintf("%f", float64(n)) }

// measured is a series with the counts of what was left out.
type measured struct {
	stats.Series
	vectors, unconverted int64
}

func newReport(m *measured, o *order, e *pointsmanv1.Envelope) *report {
	return &report{
		Average: number(m.Mean()), UnbiasedVariance: number(m.UnbiasedVariance()), Min: number(m.Min()), Max: number(m.Max()),
		Count: m.Count(), Skipped: m.Skipped(), Vectors: m.vectors, Unconverted: m.unconverted,
		Measurement: clip(o.query.Measurement), Project: clip(o.query.Project),
		Event: event{ID: clip(e.GetId()), Source: clip(e.GetSource()), Type: clip(e.GetType()), Subject: clip(e.GetSubject())},
	}
}

// clip limits the text of an event in a mail.
func clip(s string) string {
	const most = 1 << 10
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// text returns the body of the mail. Without samples it ignores the template, which would have no values.
func text(m *measured, r *report, body *template) (string, error) {
	switch {
	case m.Count() == 0:
		return noData(r), nil
	case !finite(m.Mean()) || !finite(m.UnbiasedVariance()):
		return "", fmt.Errorf("the samples, from %g to %g, are too large for their statistics", m.Min(), m.Max())
	case body != nil:
		return body.render(r)
	}
	return m.Text() + leftOut(r), nil
}

// noData has short lines, which stay readable in the encoded mail.
func noData(r *report) string {
	s := "No data points: there is no number to make statistics of.\n"
	if r.Measurement != "" {
		s += "Measurement: " + r.Measurement + "\n"
	}
	return s + leftOut(r)
}

// leftOut returns a line for each kind of sample that is not in the statistics.
func leftOut(r *report) string {
	var b strings.Builder
	for _, l := range []struct {
		name string
		n    int64
		why  string
	}{
		{"Skipped", r.Skipped, "not a number or infinite"},
		{"Vectors", r.Vectors, "several numbers in one sample"},
		{"Not converted", r.Unconverted, "reported by the server"},
	} {
		if l.n > 0 {
			fmt.Fprintf(&b, "%s: %d (%s)\n", l.name, l.n, l.why)
		}
	}
	return b.String()
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
