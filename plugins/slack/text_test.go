package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pointsman/pointsman/plugins/slack/slacktest"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, in string
		escape   bool
		limit    int
		want     string
	}{
		{"fits", "twelve chars", true, 12, "twelve chars"},
		{"fits in characters, not in bytes", "ééé", true, 3, "ééé"},
		{"cut at a rune", strings.Repeat("é", 20), true, 15, "ééé" + mark},
		{"an escape would be cut", "ab&cdefghijklmnopqrst", true, 18, "ab" + mark},
		{"an escape fits", "ab&cdefghijklmnopqrst", true, 19, "ab&amp;" + mark},
		{"a link would be cut", "see <https://example.com|this> and more", false, 30, "see " + mark},
		{"no link", "<" + strings.Repeat("x", 2000), false, 1500, "<" + strings.Repeat("x", 1487) + mark},
		{"no room but for the mark", "abcdefghijklmnop", true, 12, mark},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (&texts{escape: c.escape}).fit(c.in, c.limit); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Wherever a text of 60,000 characters is put, Slack takes the message and it ends with the mark.
func TestSixtyThousandCharacters(t *testing.T) {
	long := strings.Repeat("&é", 30_000)
	section := map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": long}}
	header := map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": long}}
	many := func(n int, v any) (list []any) {
		for range n {
			list = append(list, v)
		}
		return list
	}
	short := map[string]any{"type": "mrkdwn", "text": "<"}
	manyFields := map[string]any{"type": "section", "fields": many(40, short)}
	manyElements := map[string]any{"type": "context", "elements": many(40, short)}
	longFields := map[string]any{"type": "section", "fields": []any{section["text"]}}
	for name, arguments := range map[string]map[string]any{
		"text":                  {"text": long},
		"text beside a bar":     {"text": long, "color": "good"},
		"attachment":            {"pretext": long, "title": long, "field": []any{map[string]any{"title": long, "value": long}}},
		"blocks":                {"text": "t", "blocks": []any{section, header, manyFields, manyElements, longFields}},
		"too many blocks":       {"text": "t", "blocks": many(1000, manyFields)},
		"too many attachments":  {"text": "t", "attachments": many(1000, map[string]any{"text": "<"})},
		"blocks in attachments": {"text": "t", "attachments": []any{map[string]any{"blocks": many(60, manyFields)}}},
		"everything else":       {"text": "t", "username": long, "icon_emoji": long, "channel": long},
	} {
		t.Run(name, func(t *testing.T) {
			for _, config := range []map[string]any{nil, byToken()} {
				bubble(t, slacktest.Options{}, config, func(t *testing.T, r *rig) {
					if result := r.Deliver(notification(), object(t, arguments))[0]; result.GetOutcome() != done {
						t.Fatalf("got %.500v", result)
					}
					if body := r.slack.Accepted()[0].Body; !strings.Contains(string(body), mark) {
						t.Errorf("no mark in %.500s", body)
					}
				})
			}
		})
	}
}

var loose = regexp.MustCompile(`&(?:[^algt]|$|a[^m]|am[^p]|amp[^;]|[lg][^t]|[lg]t[^;])`)

// FuzzFit: whatever comes in, what goes out is valid, within the limit and without power.
func FuzzFit(f *testing.F) {
	for _, s := range []string{
		"<!channel>", "&amp;", strings.Repeat("&", 50), "\xff\xfe<", "\u202eabc\u2066", "a\r\nb\x00", strings.Repeat("é<", 20), "…", "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂",
	} {
		f.Add(s, 15)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < utf8.RuneCountInString(mark) || limit > maxText {
			return
		}
		got := (&texts{escape: true}).fit(s, limit)
		switch n := utf8.RuneCountInString(got); {
		case !utf8.ValidString(got):
			t.Errorf("%q is not valid", got)
		case n > limit:
			t.Errorf("%d characters, want at most %d", n, limit)
		case strings.ContainsAny(got, "<>"), loose.MatchString(got):
			t.Errorf("%q is not escaped", got)
		case strings.ContainsFunc(got, suspect):
			t.Errorf("%q has invisible characters", got)
		}
		raw := (&texts{escape: false}).fit(s, limit)
		if !utf8.ValidString(raw) || utf8.RuneCountInString(raw) > limit || strings.ContainsFunc(raw, suspect) {
			t.Errorf("%q does not fit without escapes", raw)
		}
	})
}
