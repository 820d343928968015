package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The elements and attributes of JUnit's XML that Jenkins, GitLab and GitHub's reporters share.

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string         `xml:"name,attr"`
	ClassName string         `xml:"classname,attr"`
	Time      string         `xml:"time,attr"`
	Failures  []junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results as JUnit's XML, one suite for each file of tests.
func WriteJUnit(w io.Writer, results []Result) error {
	passed, failed := Totals(results)
	all := junitSuites{Name: "pointsman test", Tests: passed + failed, Failures: failed}
	var total time.Duration
	for _, group := range ByFile(results) {
		suite := junitSuite{Name: xmlText(group[0].File)}
		var duration time.Duration
		for i := range group {
			c := newJUnitCase(&group[i])
			suite.Cases = append(suite.Cases, c)
			duration += group[i].Duration
		}
		suite.Tests = len(group)
		_, suite.Failures = Totals(group)
		suite.Time = seconds(duration)
		total += duration
		all.Suites = append(all.Suites, suite)
	}
	all.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// newJUnitCase puts all failures of a test into one element: some readers expect at most one.
func newJUnitCase(r *Result) junitCase {
	c := junitCase{Name: xmlText(r.Name), ClassName: xmlText(r.File), Time: seconds(r.Duration)}
	if r.Passed() {
		return c
	}
	var body strings.Builder
	for i := range r.Failures {
		body.WriteString(r.Failures[i].Text(r.File))
	}
	c.Failures = []junitFailure{{Message: xmlText(firstLine(r.Failures[0].Message)), Type: "expectation", Text: xmlText(body.String())}}
	return c
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

// xmlText replaces what XML cannot hold.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return '?'
		}
		return r
	}, s)
}
