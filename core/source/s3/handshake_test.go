package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// vector is a confirmation request of VK Cloud and its response: one from the documentation, one from a real receiver's log.
type vector struct{ name, url, topic, timestamp, token, signature string }

var vectors = []vector{
	{
		"V-1", "http://test.com", "mcs2883541269|bucketA|s3:ObjectCreated:Put", "2019-12-26T19:29:12+03:00",
		"RPE5UuG94rGgBH6kHXN9FUPugFxj1hs2aUQc99btJp3E49tA", "ea3fce4bb15c6de4fec365d36bcebbc34ccddf54616d5ca12e1972f82b6d37af",
	},
	{
		"V-1 with a slash", "http://test.com/", "mcs2883541269|bucketA|s3:ObjectCreated:Put", "2019-12-26T19:29:12+03:00",
		"RPE5UuG94rGgBH6kHXN9FUPugFxj1hs2aUQc99btJp3E49tA", "8af7165b23eae47d21a601fbb6dd7d9258a3319aeb29956bdc0c09cfc4243767",
	},
	{
		"V-1 with https", "https://test.com", "mcs2883541269|bucketA|s3:ObjectCreated:Put", "2019-12-26T19:29:12+03:00",
		"RPE5UuG94rGgBH6kHXN9FUPugFxj1hs2aUQc99btJp3E49tA", "adee145c03d5f892069a7485357f9eae756c945a9f612f338a33441f0443f490",
	},
	{
		"V-2", "http://89.208.199.220/webhook", "mcs5259999770|myfiles-ash|s3:ObjectCreated:*,s3:ObjectRemoved:*", "2020-06-15T15:01:13+03:00",
		"E2itMqAMUVVZc51pUhFWSp13DoxezvRxkUh5P7LEuk1dEe9y", "3754ce36636f80dfd606c5254d64ecb2fd8d555c27962b70b4f759f32c76b66d",
	},
}

// question returns the body of a confirmation request.
func (v *vector) question(t testing.TB) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"Timestamp": v.timestamp, "Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe", "TopicArn": v.topic,
		"SignatureVersion": 1, "Token": v.token,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestConfirmationSignature(t *testing.T) {
	for i, v := range vectors {
		if got := ConfirmationSignature(v.url, v.topic, v.timestamp, v.token); got != v.signature {
			t.Errorf("%s: %s, want %s", v.name, got, v.signature)
		}
		for j, other := range vectors {
			if i != j && v.signature == other.signature {
				t.Errorf("%s and %s are the same", v.name, other.name)
			}
		}
	}
	v := vectors[0]
	wrong := map[string]string{
		"ef42c31305fc443f1c6d1d84b7ff8b98ffd764866197393d478369d5439a54f8": "hexadecimal inside",
		hexInside(v): "hexadecimal inside, computed",
		ConfirmationSignature(v.topic, v.url, v.timestamp, v.token):                  "URL and topic swapped",
		ConfirmationSignature(v.url, v.timestamp, v.topic, v.token):                  "topic and time swapped",
		ConfirmationSignature(v.url, v.topic, v.token, v.timestamp):                  "time and token swapped",
		strings.ToUpper(ConfirmationSignature(v.url, v.topic, v.timestamp, v.token)): "upper case",
	}
	if name, found := wrong[v.signature]; found {
		t.Errorf("%s is the same", name)
	}
	if hexInside(v) != "ef42c31305fc443f1c6d1d84b7ff8b98ffd764866197393d478369d5439a54f8" {
		t.Error("the wrong variant is not the one that is known")
	}
}

// hexInside makes the mistake of passing the inner values on as hexadecimal text.
func hexInside(v vector) string {
	key := v.token
	for _, text := range []string{v.timestamp, v.topic, v.url} {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		key = hex.EncodeToString(mac.Sum(nil))
	}
	return key
}

func TestVKHandshake(t *testing.T) {
	for _, tt := range []struct{ vector, path, at string }{{"V-1", "/", "/"}, {"V-1 with a slash", "/", "/"}, {"V-1 with https", "/", "/"}, {"V-2", "/webhook", "/webhook"}} {
		v := vectorNamed(t, tt.vector)
		f := newFixture(t, fmt.Sprintf(`{"allow_anonymous":true,"path":%q,"public_url":%q}`, tt.path, v.url))
		// Documents disagree on the header, so it must not matter.
		for _, header := range []string{"Notification", "SubscriptionConfirmation", ""} {
			w := f.postTo(tt.at, v.question(t), "X-Amz-Sns-Message-Type", header, "Content-Type", "application/json")
			if w.Code != http.StatusOK || w.Body.String() != `{"signature":"`+v.signature+`"}` || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: answer %d %s %v", tt.vector, w.Code, w.Body, w.Header())
			}
		}
		if len(f.intake.Events) != 0 {
			t.Errorf("%s: stored %v", tt.vector, f.intake.Events)
		}
	}
}

func vectorNamed(t *testing.T, name string) vector {
	t.Helper()
	for _, v := range vectors {
		if v.name == name {
			return v
		}
	}
	t.Fatalf("no vector %s", name)
	return vector{}
}

func TestVKHandshakeWithToken(t *testing.T) {
	const url = "https://router.example.com/hooks/uploads/" + tokenNew + "?b=%20&a=1"
	v := vectors[3]
	question := v.question(t)
	want := `{"signature":"` + ConfirmationSignature(url, v.topic, v.timestamp, v.token) + `"}`
	settings := func(more string) string {
		return `{"tokens":["` + tokenNew + `","` + tokenOld + `"],"public_url":"` + url + `"` + more + `}`
	}
	withoutURL := `{"tokens":["` + tokenNew + `"]}`
	const path, query = "/hooks/uploads/" + tokenNew, "?b=%20&a=1"
	bearer := []string{"Authorization", "Bearer " + tokenNew}
	tests := []struct {
		name, settings, path, body string
		headers                    []string
		status                     int
		code, refused, quarantined string
	}{
		{name: "answered", settings: settings(""), path: path + query, status: 200},
		{name: "dialect vk", settings: settings(`,"dialect":"vk"`), path: path + query, status: 200},
		{name: "bucket of the list", settings: settings(`,"buckets":["myfiles-*"]`), path: path + query, status: 200},
		{name: "body with spaces", settings: settings(""), path: path + query, body: "\n " + strings.ReplaceAll(question, `":`, `" : `), status: 200},
		{name: "no public_url", settings: withoutURL, path: path + query, status: 404, code: "unknown_path", refused: handshakeNoURL},
		{name: "URL of the other token", settings: settings(""), path: "/hooks/uploads/" + tokenOld + query, status: 404, code: "unknown_path", refused: handshakeOtherURL},
		{name: "URL without the token", settings: settings(""), path: "/hooks/uploads" + query, headers: bearer, status: 404, code: "unknown_path", refused: handshakeOtherURL},
		{name: "another query", settings: settings(""), path: path + "?b=+&a=1", status: 404, code: "unknown_path", refused: handshakeOtherURL},
		{name: "no query", settings: settings(""), path: path, status: 404, code: "unknown_path", refused: handshakeOtherURL},
		{name: "wrong token", settings: settings(""), path: "/hooks/uploads/x" + query, status: 404, code: "unknown_path", refused: pathMismatch},
		{name: "no token", settings: settings(""), path: "/hooks/uploads" + query, status: 401, code: "unauthorized", refused: tokenMissing},
		{name: "another bucket", settings: settings(`,"buckets":["main"]`), path: path + query, status: 403, code: "forbidden", refused: reasonBucket},
		{name: "no bucket", settings: settings(`,"buckets":["main"]`), path: path + query, body: strings.ReplaceAll(question, "|", "/"), status: 403, code: "forbidden", refused: reasonBucket},
		{name: "another dialect", settings: settings(`,"dialect":"minio"`), path: path + query, status: 200, quarantined: wrongDialect},
		{name: "no token in the question", settings: settings(""), path: path + query, body: strings.Replace(question, "Token", "token", 1), status: 200, quarantined: missingField},
		{name: "number as time", settings: settings(""), path: path + query, body: strings.Replace(question, `"`+v.timestamp+`"`, "1", 1), status: 200, quarantined: missingField},
		{name: "not JSON", settings: settings(""), path: path + query, body: question + "}", status: 200, quarantined: "not_json"},
		{name: "type in another case", settings: settings(""), path: path + query, body: strings.Replace(question, "Type", "type", 1), status: 200, quarantined: notS3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.settings)
			body := tt.body
			if body == "" {
				body = question
			}
			w := f.postTo(tt.path, body, tt.headers...)
			switch {
			case tt.code != "":
				wantProblem(t, w, tt.status, tt.code)
				if got := f.counted(t, "source_auth_failures_total", "reason", tt.refused); got != 1 {
					t.Errorf("counted %v of %s", got, tt.refused)
				}
			case tt.quarantined != "":
				if len(f.intake.Events) != 1 || !strings.HasPrefix(f.intake.Events[0].Quarantine, tt.quarantined+":") || w.Body.Len() != 0 {
					t.Errorf("answer %d %s, stored %v, want %s", w.Code, w.Body, f.intake.Events, tt.quarantined)
				}
			case w.Code != 200 || w.Body.String() != want:
				t.Errorf("answer %d %s, want %s", w.Code, w.Body, want)
			}
			if tt.quarantined == "" && len(f.intake.Events) != 0 {
				t.Errorf("stored %v", f.intake.Events)
			}
			for _, secret := range []string{tokenNew, tokenOld, v.token, v.signature} {
				if strings.Contains(f.log.String(), secret) {
					t.Errorf("log holds %q:\n%s", secret, f.log)
				}
			}
		})
	}
}

// A body that only looks like a confirmation request is an event like any other.
func TestConfirmationInAKey(t *testing.T) {
	f := newFixture(t, settings32)
	w := f.post(bodyOf(changed(t, "a.txt", `SubscriptionConfirmation \"Type\":\"SubscriptionConfirmation\"`)))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || len(f.intake.Events) != 1 || f.intake.Events[0].Quarantine != "" {
		t.Errorf("answer %d %q, stored %v", w.Code, w.Body, f.intake.Events)
	}
}
