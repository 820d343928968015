package bearer

import (
	"net/http"
	"testing"
)

func TestSlot(t *testing.T) {
	tokens := New([]string{"", "one", "two", "one"})
	for text, want := range map[string]int{"": -1, "one": 1, "two": 2, "on": -1, "onee": -1} {
		if got := tokens.Slot(text); got != want {
			t.Errorf("Slot(%q) = %d, want %d", text, got, want)
		}
	}
	if got := tokens.Slot("x", "two"); got != 2 {
		t.Errorf("Slot of several texts = %d, want 2", got)
	}
	if got := New(nil).Slot(""); got != -1 {
		t.Errorf("Slot without tokens = %d, want -1", got)
	}
}

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		headers []string
		want    string
	}{
		{nil, ""},
		{[]string{"Bearer abc"}, "abc"},
		{[]string{"bearer  abc "}, "abc"},
		{[]string{"Basic abc"}, ""},
		{[]string{"abc"}, ""},
		{[]string{"Bearer"}, ""},
		{[]string{"Bearer abc", "Bearer abc"}, ""},
	} {
		r := &http.Request{Header: http.Header{"Authorization": tt.headers}}
		if got := Of(r); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.headers, got, tt.want)
		}
	}
}
