package config

import "log/slog"

// Settings is a JSON object that may hold secrets. It prints and logs as "(sensitive)"; it is assignable to []byte.
type Settings []byte

const redacted = "(sensitive)"

// String hides the value.
func (Settings) String() string { return redacted }

// GoString hides the value.
func (Settings) GoString() string { return redacted }

// LogValue hides the value.
func (Settings) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the value.
func (Settings) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// settings remembers where each setting is written.
type settings struct{}
