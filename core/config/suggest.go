package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Suggest returns the known name that is most similar to given, or "" if none is similar.
func Suggest(given string, known []string) string {
	best, bestDistance := "", 3 // the distance below which HCL makes its own suggestions
	given = strings.ToLower(given)
	for _, name := range slices.Sorted(slices.Values(known)) {
		d := levenshtein.Distance(given, name, nil)
		if d < bestDistance && d < len(name) && (d < 2 || len(name) > 4 || swapped(given, name)) {
			best, bestDistance = name, d
		}
	}
	return best
}

// swapped reports whether two names have the same letters. A short name with other letters is more likely another word.
func swapped(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

// didYouMean returns a sentence that follows "There is no X.": the most similar name, or all known names if none is similar.
func didYouMean(given string, known []string, what string) string {
	if s := meant(given, known); s != "" {
		return s
	}
	return knownNames(known, what)
}

// meant is a sentence with the most similar name, or empty.
func meant(given string, known []string) string {
	if s := Suggest(given, known); s != "" {
		return fmt.Sprintf(" Did you mean %q?", s)
	}
	return ""
}

func knownNames(known []string, what string) string {
	if len(known) == 0 {
		return ""
	}
	known = slices.Sorted(slices.Values(known))
	const most = 20
	more := ""
	if len(known) > most {
		more = fmt.Sprintf(" and %d more", len(known)-most)
		known = known[:most]
	}
	return fmt.Sprintf(" Known %s: %s%s.", what, strings.Join(known, ", "), more)
}

// SuggestFunction is what follows "There is no function X.": the most similar one, or where to read about all of them.
func SuggestFunction(given string, known []string) string {
	if s := meant(given, known); s != "" {
		return s
	}
	return ` "pointsman reference functions" lists those that there are.`
}
