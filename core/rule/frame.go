package rule

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"github.com/pointsman/pointsman/core/jsondoc"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// frame is the state of one evaluation: the event, its parsed JSON fields, loop variables and the first failure.
type frame struct {
	env *pointsmanv1.Envelope
	// data is the message of the event's kind; not valid when the envelope holds none.
	data reflect.Value
	// docs are the parsed Json fields of the kind.
	docs []lazyDocument
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
	f.env, f.data, f.err = env, event.message(env), nil
	for len(f.docs) < event.documents {
		f.docs = append(f.docs, lazyDocument{})
	}
	for i := range f.docs {
		f.docs[i].parsed, f.docs[i].lookups = false, &f.lookups
	}
	return f
}

func (f *frame) release() {
	f.env, f.data, f.takenBy = nil, reflect.Value{}, nil
	clear(f.vars)
	if cap(f.scratch) > keptBytes {
		f.scratch = nil
	}
	if cap(f.arguments) > keptBytes {
		f.arguments = nil
	}
	for i := range f.docs {
		f.docs[i].Reset()
		f.docs[i].Shrink(keptNodes)
	}
	frames.Put(f)
}

// json returns the value of a Json field, parsing its text on first use.
func (f *frame) json(slot int, text []byte) value {
	d := &f.docs[slot]
	if !d.parsed {
		d.err = d.Parse(string(text))
		d.parsed = true
	}
	if d.err != nil {
		f.fail(nil, "the event's JSON cannot be read: %s", d.err)
		return value{}
	}
	return d.get(jsondoc.Root)
}

// position locates an expression for diagnostics.
type position struct {
	rng  hcl.Range
	text string
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
	if e.at.text == "" {
		return pos + ": " + e.problem
	}
	return pos + ": " + e.at.text + ": " + e.problem
}
