package source

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckClose(t *testing.T) {
	for _, tt := range []struct {
		room, connection string
		code             int
		reason           string
		want             int
		err              string
	}{
		{"a", "", 0, "", 1000, ""},
		{"", "c=", 0, strings.Repeat("é", 61), 1000, ""},
		{"a", "", 1014, "x", 1014, ""},
		{"a", "", 4999, "", 4999, ""},
		{"", "", 0, "", 0, "name either a room or a connection"},
		{"a", "c=", 0, "", 0, "name either a room or a connection"},
		{"a", "", 0, strings.Repeat("é", 62), 0, "the reason has 124 bytes, and may have 123"},
		{"a", "", 0, "\xff", 0, "not UTF-8"},
	} {
		got, err := CheckClose(tt.room, tt.connection, tt.code, tt.reason)
		if got != tt.want || (err != nil) != (tt.err != "") || err != nil && (!errors.Is(err, ErrInvalidClose) || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%+v: %d, %v", tt, got, err)
		}
	}
	for _, code := range []int{-1, 1, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000} {
		if _, err := CheckClose("a", "", code, ""); !errors.Is(err, ErrInvalidClose) {
			t.Errorf("%d: %v", code, err)
		}
	}
}
