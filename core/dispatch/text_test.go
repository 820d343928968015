package dispatch

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestOneLine(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "451 mailbox busy", "451 mailbox busy"},
		{"lines", "panic: boom\n\n\tgoroutine 1 [running]:\r\n", "panic: boom goroutine 1 [running]:"},
		{"other languages and emoji", "配達済み ✅ é", "配達済み ✅ é"},
		{"not UTF-8", "a\xffb\xc3", "a\ufffdb\ufffd"},
		{"terminal escape", "\x1b[31mred\x00\x7f", "[31mred"},
		{"unicode line separators and reversed text", "a\u2028b\u202ec", "a b c"},
		{"too long", long, long[:1024] + "... (cut, 65536 bytes)"},
		{"never inside a rune", strings.Repeat("x", 1023) + "é", strings.Repeat("x", 1023) + "... (cut, 1025 bytes)"},
		{"exactly as long as allowed", long[:1024], long[:1024]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := oneLine(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzOneLine(f *testing.F) {
	for _, seed := range []string{"", "ok", "a\nb", "\xff\xfe", strings.Repeat("é", 600), "\u2028\u202e\x1b[0m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := oneLine(s)
		if !utf8.ValidString(got) || len(got) > maxText+64 {
			t.Fatalf("%q -> %q (%d bytes)", s, got, len(got))
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q -> %q holds %U", s, got, r)
			}
		}
		if again := oneLine(got); len(got) <= maxText && again != got {
			t.Fatalf("not stable: %q -> %q -> %q", s, got, again)
		}
	})
}
