package schema

import (
	"strconv"
	"strings"
)

// Error lists the problems of data that does not satisfy a schema.
type Error struct {
	// Problems has at least one element, in the order of the data and then of the schema.
	Problems []Problem
}

// Problem is one violation of the schema.
type Problem struct {
	// Path is the location: "smtp.port", "to[2]", "header[0].name". It is empty for the whole object.
	Path string
	// Text describes the problem without the value: "want a number, got a string".
	Text string
}

// Error joins all problems, as "smtp.port: want a number, got a string; from: is required".
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// String is "path: text".
func (p Problem) String() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// maxProblems bounds the problems of an Error, because a list may have a million wrong elements.
const maxProblems = 20

// walk is the state of one Decode: its position and the problems found.
type walk struct {
	path     []step
	problems []Problem
}

// step is a name, or an index when the name is empty.
type step struct {
	name  string
	index int
}

func (w *walk) enter(name string, index int) { w.path = append(w.path, step{name, index}) }
func (w *walk) leave()                       { w.path = w.path[:len(w.path)-1] }

func (w *walk) problem(text string) {
	if len(w.problems) >= maxProblems {
		return
	}
	w.problems = append(w.problems, Problem{Path: w.where(), Text: text})
}

func (w *walk) problemAt(name, text string) {
	w.enter(name, 0)
	w.problem(text)
	w.leave()
}

func (w *walk) where() string {
	var b strings.Builder
	for _, s := range w.path {
		switch {
		case s.name == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}
