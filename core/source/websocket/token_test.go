package websocket

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const jwtSecret = "a-jwt-secret-of-at-least-32-bytes!"

func signed(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := func(der []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})) }
	public := asPEM(der)
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edDER, err := x509.MarshalPKIXPublicKey(edPublic)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaDER, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	checker := func(s JWTSettings) *jwtChecker {
		s.Leeway = 30 * time.Second
		c, _, err := newJWTChecker(&s, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	secret := []schema.Secret{schema.NewSecret("another-secret-of-at-least-32-bytes"), schema.NewSecret(jwtSecret)}
	hmac := checker(JWTSettings{Secrets: secret, Audience: []string{"chat"}, Issuer: "me", RoomsClaim: "rooms"})
	public256 := checker(JWTSettings{PublicKeys: []string{asPEM(rsaDER), asPEM(edDER), public}})
	both := checker(JWTSettings{Secrets: secret, PublicKeys: []string{public}})
	claims := func(more ...any) jwt.MapClaims {
		c := jwt.MapClaims{"sub": "ann", "aud": "chat", "iss": "me", "exp": now.Add(time.Hour).Unix(), "rooms": []string{"chat:*", "[", "x"}}
		for i := 0; i < len(more); i += 2 {
			c[more[i].(string)] = more[i+1]
			if more[i+1] == nil {
				delete(c, more[i].(string))
			}
		}
		return c
	}
	good := signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims())
	for _, c := range []struct {
		name    string
		checker *jwtChecker
		token   string
		fails   string
	}{
		{"good", hmac, good, ""},
		{"just expired", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("exp", now.Add(-20*time.Second).Unix())), ""},
		{"ECDSA", public256, signed(t, jwt.SigningMethodES256, key, claims()), ""},
		{"RSA", public256, signed(t, jwt.SigningMethodRS256, rsaKey, claims()), ""},
		{"Ed25519", public256, signed(t, jwt.SigningMethodEdDSA, edKey, claims()), ""},
		{"either, HMAC", both, good, ""},
		{"either, ECDSA", both, signed(t, jwt.SigningMethodES256, key, claims()), ""},

		{"expired", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("exp", now.Add(-time.Minute).Unix())), "expired"},
		{"never expires", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("exp", nil)), "missing"},
		{"not yet", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("nbf", now.Add(time.Hour).Unix())), "not valid yet"},
		{"another audience", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("aud", "x")), "audience"},
		{"another issuer", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("iss", "x")), "issuer"},
		{"another secret", hmac, signed(t, jwt.SigningMethodHS256, []byte("x"), claims()), "signature"},
		{"another algorithm", hmac, signed(t, jwt.SigningMethodHS512, []byte(jwtSecret), claims()), "signature"},
		{"not signed", hmac, signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()), "signature"},
		{"signed with the public key as secret", both, signed(t, jwt.SigningMethodHS256, []byte(public), claims()), "signature"},
		{"signed with the key's bytes as secret", public256, signed(t, jwt.SigningMethodHS256, der, claims()), "signature"},
		{"subject no text", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("sub", 1)), "sub"},
		{"expiry no time", hmac, signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), claims("exp", "soon")), "invalid"},
		{"cut", hmac, good[:len(good)-2], "malformed"},
		{"no JWT", hmac, "hello", "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := c.checker.check(c.token)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), c.token) {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil || v.user != "ann" || v.expires.IsZero() {
				t.Fatalf("%+v, %v", v, err)
			}
			if c.checker == hmac && (!v.mayUse("chat:3") || !v.mayUse("x") || v.mayUse("y") || v.mayUse("[")) {
				t.Errorf("rooms %q", v.rooms)
			}
		})
	}
}

// A connection lasts as long as its token, and longer with a new one.
func TestTokenExpires(t *testing.T) {
	f := newFixture(t, `"jwt":{"secrets":["`+jwtSecret+`"],"rooms_claim":"rooms"}`)
	token := func(user, rooms string, lasts time.Duration) string {
		return signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": user, "rooms": rooms, "exp": f.clock.Now().Add(lasts).Unix()})
	}
	if k := f.request("/ws?room=b&token=" + token("ann", "a c:*", time.Minute)); k.response.StatusCode != http.StatusForbidden {
		t.Errorf("answer %d", k.response.StatusCode)
	}
	k := f.request("/ws?room=a&token=" + token("ann", "a c:*", 5*time.Minute))
	e := f.event()
	k.id = e.GetWebsocket().GetConnectionId()
	if a := e.GetAttributes(); len(a) != 1 || a[0].GetName() != "user" || a[0].GetValue() != "ann" {
		t.Errorf("attributes %v", a)
	}
	k.send(`{"$join":"c:1"}`)
	k.receive()
	k.send(`{"$join":"b"}`)
	if got := k.clientError(); got != "forbidden" {
		t.Errorf("clientError %q", got)
	}
	f.sweep(f.clock.add(5*time.Minute - 20*time.Second)) // and 30 s of leeway
	if got := k.next(); got.Header.OpCode != 9 {
		t.Errorf("got %v, want a ping", got)
	}
	if got := k.receive(); got != `{"$expires":50}` {
		t.Errorf("got %s", got)
	}
	k.send(`{"$token":"` + token("bob", "a", time.Hour) + `"}`)
	if got := k.clientError(); got != "bad_token" {
		t.Errorf("clientError %q", got)
	}
	k.send(`{"$token":"` + token("ann", "a", time.Minute) + `"}`)
	if got := k.receive(); got != `{"$token":true}` {
		t.Errorf("got %s", got)
	}
	// The new token is not good for c:1 any more.
	f.clock.add(violationWindow)
	k.send(`{"room":"c:1"}`)
	if got := k.clientError(); got != "forbidden" {
		t.Errorf("clientError %q", got)
	}
	f.sweep(f.clock.add(time.Hour))
	if code := k.ends(); code != codeExpired {
		t.Errorf("closed with %d", code)
	}
	if strings.Contains(f.log.String(), "eyJ") {
		t.Error("a token is in the log")
	}
}

func FuzzConnect(f *testing.F) {
	const token = "a-token-of-24-bytes-or-more"
	good := signed(f, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": "ann", "rooms": "a", "exp": time.Now().Add(time.Hour).Unix()})
	f.Add("room=a&token="+token, "", "", "")
	f.Add("room=a", "Bearer "+good, "https://chat.example", "bearer."+good+", v1")
	f.Add("room=%zz", "Basic x", "null", ",,")
	f.Add("room=a&room=b", "Bearer", "http://[::1", "\x00")
	settings, err := json.Marshal(map[string]any{
		"tokens": []string{token}, "subprotocols": []string{"v1"}, "origins": []string{"https://*.example"},
		"limits": map[string]any{"connects_per_second": 1 << 30},
		"jwt":    map[string]any{"secrets": []string{jwtSecret}, "rooms_claim": "rooms"},
	})
	if err != nil {
		f.Fatal(err)
	}
	s := newUnserved(f, string(settings))
	f.Fuzz(func(t *testing.T, query, authorization, origin, protocols string) {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.URL.RawQuery = query
		r.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {handshakeKey},
			"Authorization": {authorization}, protocolsHeader: {protocols},
		}
		if origin != "" {
			r.Header["Origin"] = []string{origin}
		}
		a, refused := s.check(r)
		if refused != nil {
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil || !ValidRoom(a.room) || values.Get("room") != a.room || a.identity == nil || !a.identity.mayUse(a.room) {
			t.Errorf("%q let in as %+v", query, a)
		}
		if everything := query + authorization + protocols; !strings.Contains(everything, token) && !strings.Contains(everything, "eyJ") && !strings.Contains(query, "%") {
			t.Errorf("let in without a token: %q", everything)
		}
		if a.subprotocol != "" && a.subprotocol != "v1" {
			t.Errorf("subprotocol %q", a.subprotocol)
		}
	})
}

// Every event says what its client proved itself with, and whether its source is sensitive.
func TestEventsSayWhoVerified(t *testing.T) {
	const first, second = "the-first-token-of-24-bytes-or-more", "the-second-token-of-24-bytes-or-more"
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	token := signed(t, jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"sub": "ann", "exp": now.Add(time.Hour).Unix()})
	for _, tt := range []struct{ settings, shown, want string }{
		{`{}`, "", ""},
		{`{"tokens":["` + first + `","` + second + `"]}`, first, "token 1"},
		{`{"tokens":["` + first + `","` + second + `"]}`, second, "token 2"},
		{`{"tokens":["` + first + `"],"jwt":{"secrets":["` + jwtSecret + `"]}}`, token, "JWT"},
	} {
		s, err := makeSource(tt.settings, source.Deps{
			Name: "chat", Sensitive: tt.want != "", Intake: &memory{}, Log: slog.New(slog.DiscardHandler), Metrics: source.NewMetrics(prometheus.NewRegistry()),
			Now: func() time.Time { return now },
		}, newMetrics())
		if err != nil {
			t.Fatal(err)
		}
		who, err := s.authenticator.authenticate([]string{tt.shown})
		if err != nil {
			t.Fatal(err)
		}
		c := s.newConn(httptest.NewRequest("GET", "/ws", nil), who, now)
		for _, e := range []source.Event{c.connectEvent("a", now), c.messageEvent(&Message{}, "a", "$default", now), c.disconnectEvent("a", now)} {
			if by := e.Envelope.GetVerifiedBy(); by != tt.want || e.Envelope.GetSensitive() != (tt.want != "") {
				t.Errorf("%s: %v, want it verified by %q", tt.settings, e.Envelope, tt.want)
			}
		}
	}
}
