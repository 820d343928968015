package schema

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is printed in place of a Secret.
const Redacted = "(sensitive)"

// Secret is a string that only Reveal returns. Every verb of fmt, encoding/json, encoding/xml, log/slog and text/template
// print Redacted instead, for an empty secret too.
//
// It is a struct around a pointer, and not a string, because fmt prints the content of a string in an unexported field
// (and of any string under the verb %p) without calling its methods: a handler that keeps its settings in such a field
// would print them with "%+v". The zero value is the empty secret. Compare with Equal: == does not compile.
type Secret struct {
	_    [0]func()
	text *string
}

// NewSecret makes a secret of text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text. A secret can leak only where Reveal is called.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares in constant time for equal lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns Redacted.
func (s Secret) String() string { return Redacted }

// GoString returns Redacted.
func (s Secret) GoString() string { return Redacted }

// Format prints Redacted for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue returns Redacted.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns Redacted.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON returns Redacted as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// UnmarshalJSON takes a JSON string. Its error does not show the input.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("want a string")
	}
	*s = NewSecret(text)
	return nil
}
