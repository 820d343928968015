package websocket

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		expression, text, want string
	}{
		{"", `{"action":"x"}`, RouteDefault},
		{"$request.body.action", `{"action":"sendmessage"}`, "sendmessage"},
		{"${request.body.action}", `{"action":"sendmessage"}`, "sendmessage"},
		{"$request.body.a.b", `{"a":{"b":"deep"}}`, "deep"},
		{"$request.body.a.b", `{"a":"deep"}`, RouteDefault},
		{"$request.body.a.b", `{"a":{"c":"deep"}}`, RouteDefault},
		{"$request.body.action", `{"Action":"x"}`, RouteDefault},
		{"$request.body.action", `{"action":1}`, RouteDefault},
		{"$request.body.action", `{"action":""}`, RouteDefault},
		{"$request.body.action", `{"action":"$connect"}`, RouteDefault},
		{"$request.body.action", `{"action":"$disconnect"}`, RouteDefault},
		{"$request.body.action", `{"action":"a\nb"}`, RouteDefault},
		{"$request.body.action", `{"action":"` + strings.Repeat("x", 129) + `"}`, RouteDefault},
		{"$request.body.action", `no JSON`, RouteDefault},
		{"$request.body.action", `["action"]`, RouteDefault},
		{"$request.body.action", ``, RouteDefault},
	} {
		r, err := parseRoute(c.expression, nil)
		if err != nil {
			t.Errorf("%q: %v", c.expression, err)
			continue
		}
		m := ParseMessage([]byte(c.text), false)
		if got, ok := r.of(&m); got != c.want || !ok {
			t.Errorf("%q of %s is %q, %t, want %q", c.expression, c.text, got, ok, c.want)
		}
	}
	for _, bad := range []string{"$request.body", "$request.body.", "request.body.a", "$request.body.a..b", "$request.header.a", "${request.body.${a}}"} {
		if _, err := parseRoute(bad, nil); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func TestRoutes(t *testing.T) {
	f := newFixture(t, `"route":"$request.body.action","routes":["publish"]`)
	k := f.join("a")
	k.send(`{"action":"publish"}`)
	if got := f.expect(TypeMessage).GetRouteKey(); got != "publish" {
		t.Errorf("route %q", got)
	}
	for range 5 { // stays connected
		k.send(`{"action":"other"}`)
		if got := k.clientError(); got != "forbidden" {
			t.Errorf("clientError %q", got)
		}
	}
	k.send(`{"action":"publish"}`)
	f.expect(TypeMessage)

	f = newFixture(t, `"route":"$request.body.action","routes":["publish","$default"]`)
	k = f.join("a")
	k.send(`{"action":"other"}`)
	if got := f.expect(TypeMessage).GetRouteKey(); got != RouteDefault {
		t.Errorf("route %q", got)
	}
}

func TestBody(t *testing.T) {
	for text, json := range map[string]bool{
		`{"a":1}`: true, `[1]`: true, `"x"`: true, `1`: true, `null`: true, ` {} `: true,
		``: false, `{`: false, `{"a":1,"a":2}`: false, `{}{}`: false, strings.Repeat("[", 100) + strings.Repeat("]", 100): false,
	} {
		if m := ParseMessage([]byte(text), false); m.JSON != json {
			t.Errorf("%.20s: JSON %t", text, m.JSON)
		}
	}
}

func TestValidRoom(t *testing.T) {
	for name, valid := range map[string]bool{
		"a": true, "chat:3": true, "A.b_c-9": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a/b": false, "é": false, "a*": false, "a\n": false, ">": false,
	} {
		if ValidRoom(name) != valid {
			t.Errorf("%q: valid %t", name, !valid)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"message":"test","room":"chat:3","data":{"a":1}}`, `{"$join":"b"}`, `{"action":{"deep":"x"}}`, `{"room":null}`, `[1]`, `{`, "\xff", `{"a":"\ud800"}`, `{"$token":""}`,
	} {
		f.Add([]byte(seed), "$request.body.action.deep", false)
	}
	f.Fuzz(func(t *testing.T, data []byte, expression string, binary bool) {
		op := ws.OpText
		if binary {
			op = ws.OpBinary
		}
		m := ParseMessage(data, op == ws.OpBinary)
		if m.command != "" && (!m.JSON || len(m.members) != 1) {
			t.Errorf("command %q in %q", m.command, data)
		}
		r, err := parseRoute(expression, nil)
		if err != nil {
			return
		}
		if key, ok := r.of(&m); !ok || key != RouteDefault && !ValidRoute(key) {
			t.Errorf("route %q of %q", key, data)
		}
	})
}
