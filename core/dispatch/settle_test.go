package dispatch

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pointsman/pointsman/core/journal"
)

func TestOnlyNotFound(t *testing.T) {
	missing := fmt.Errorf("settle delivery 3: %w", journal.ErrNotFound)
	full := errors.New("disk full")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"one", missing, true},
		{"two", errors.Join(missing, missing), true},
		{"nested", errors.Join(errors.Join(missing, missing), nil), true},
		{"wrapped", fmt.Errorf("journal: %w", errors.Join(missing, missing)), true},
		{"another", full, false},
		{"another among them", errors.Join(errors.Join(missing), full), false},
		{"another, wrapped", fmt.Errorf("journal: %w", errors.Join(missing, full)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := onlyNotFound(tt.err); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
