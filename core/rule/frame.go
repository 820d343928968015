package rule

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// frame is the state of one evaluation: the event, its parsed JSON fields, loop variables and the first failure.
type frame struct {
	env   *pointsmanv1.Envelope
	event *eventType
	// data is the message of the event's kind; not valid when the envelope holds none.
	data reflect.Value
	// docs are the parsed Json fields of the kind.
	docs []lazyDocument
	// slots hold the node of each path's value, plus one; 0: missing, or its document is not parsed. found are those that are set.
	slots, found []int32
	// vars are the loop variables in scope.
	vars       []value
	work       int    // steps spent, see maxWork
	lookups    int    // nodes of JSON visited since the budget was last charged for them
	scratch    []byte // text under way
	arguments  []byte // of the delivery under way
	candidates []*program
	// takenBy is the first rule that matched or failed, shadow rules and fallback rules left out.
	takenBy *program
	// err is the first failure since it was last set to nil.
	err *failure
	// trying counts the calls of try and can that are being evaluated and will forget a failure.
	trying int
}

type lazyDocument struct {
	document
	parsed bool
	err    error
}

// keptNodes and keptBytes bound the memory that a frame keeps for the next event.
const (
	keptNodes = 1 << 14
	keptBytes = 1 << 18
)

var frames = sync.Pool{New: func() any { return new(frame) }}

func newFrame(env *pointsmanv1.Envelope, event *eventType) *frame {
	f := frames.Get().(*frame)
	f.env, f.event, f.data, f.err = env, event, event.message(env), nil
	for len(f.docs) < len(event.documents) {
		f.docs = append(f.docs, lazyDocument{document: document{lookups: &f.lookups}})
	}
	if n := event.slots - len(f.slots); n > 0 {
		f.slots = append(f.slots, make([]int32, n)...)
	}
	return f
}

func (f *frame) release() {
	f.env, f.event, f.data, f.takenBy = nil, nil, reflect.Value{}, nil
	clear(f.vars)
	if cap(f.scratch) > keptBytes {
		f.scratch = nil
	}
	if cap(f.arguments) > keptBytes {
		f.arguments = nil
	}
	for i := range f.docs {
		if d := &f.docs[i]; d.parsed {
			d.parsed = false
			d.Reset()
			d.Shrink(keptNodes)
		}
	}
	for _, slot := range f.found {
		f.slots[slot] = 0
	}
	f.found = f.found[:0]
	clear(f.candidates) // they would keep the rules of a former configuration
	f.candidates = f.candidates[:0]
	frames.Put(f)
}

// position locates an expression for diagnostics.
type position struct {
	rng    hcl.Range
	source func(hcl.Range) string // returns what is written at a range
}

// text is the expression in one line.
func (at *position) text() string {
	const limit = 100
	text := strings.Join(strings.Fields(at.source(at.rng)), " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "..."
	}
	return text
}

// failure is the reason why an expression has no value for an event.
type failure struct {
	at      *position // nil: the expression as a whole
	problem string
}

// forgotten is a failure that try or can will forget: nobody reads its text.
var forgotten = &failure{}

// fail records the first failure. The caller continues with any value, because the result is discarded.
func (f *frame) fail(at *position, format string, args ...any) {
	switch {
	case f.err != nil:
	case f.trying > 0:
		f.err = forgotten
	default:
		f.err = &failure{at: at, problem: fmt.Sprintf(format, args...)}
	}
}

func (e *failure) Error() string {
	pos := fmt.Sprintf("%s:%d:%d", e.at.rng.Filename, e.at.rng.Start.Line, e.at.rng.Start.Column)
	text := e.at.text()
	if text == "" {
		return pos + ": " + e.problem
	}
	return pos + ": " + text + ": " + e.problem
}
