package websocketsend

import "testing"

func TestAsJSON(t *testing.T) {
	for message, want := range map[string]string{
		`{"a": 1}`: `{"a": 1}`,
		"hello":    `"hello"`,
		"\x00\xff": `{"base64":"AP8="}`,
	} {
		if got := AsJSON([]byte(message)); string(got) != want {
			t.Errorf("%q as JSON is %s, want %s", message, got, want)
		}
	}
}
