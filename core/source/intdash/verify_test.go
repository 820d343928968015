package intdash

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// The signatures were not made by Sign: the first is published in github.com/aptpod/intdash-sdk-beginner (lesson 6), the
// others were computed independently of it.
const (
	secret32   = "stringstringstringstringstringst"
	secretSeed = "your-secret-here"

	bodyCompleted = `{"delivery_uuid":"d41cd3e1-7bf3-481e-bb68-1efeef5bd62a","hook_uuid":"5b7ea816-0d3b-4df5-9104-01046ebecf51","resource_type":"measurement","action":"completed","occurred_at":"2024-12-25T00:23:50.972454Z","measurement_uuid":"1a14f158-2a0c-44c7-ace1-e0d21ecc93e9","project_uuid":"00000000-0000-0000-0000-000000000000"}`
	bodyCreated   = `{"delivery_uuid":"11111111-1111-4111-8111-111111111111","hook_uuid":"22222222-2222-4222-8222-222222222222","resource_type":"measurement","action":"created","occurred_at":"2024-12-25T00:20:00.000001Z","measurement_uuid":"1a14f158-2a0c-44c7-ace1-e0d21ecc93e9","project_uuid":"00000000-0000-0000-0000-000000000000"}`
	bodySeed      = `{"resource_type": "measurement", "action": "finished", "measurement_uuid": "xxxxxxx"}`
	bodyCompact   = `{"resource_type":"measurement","action":"finished","measurement_uuid":"xxxxxxx"}`
)

type vector struct{ name, secret, body, signature string }

var vectors = []vector{
	{"I-1", secret32, bodyCompleted, "xLDu+qI59GmQxQpCn0MjVwzIH9HY3SYkY2dF6kWLMrQ="},
	{"I-1n line break after the body", secret32, bodyCompleted + "\n", "SAjliVJDpuk1yrloUy4hWMxDHTcqrD351D9go6MtZOY="},
	{"I-2", secretSeed, bodySeed, "UepGWtTRWRGfn/zAFMqhzoSohkdvbiHJKEFte+x7YwY="},
	{"I-2n line break after the secret", secretSeed + "\n", bodySeed, "IOSvAWAb3mBuNX/ob1LxNLiuBppupLR9KjhN7SpLC0M="},
	{"I-3", secret32, bodyCompact, "mQxT5UAkxCQ4j9A+zkPNzBSuQzwHdnGvuFchjEG4/Ek="},
	{"I-4", secret32, bodyCreated, "BrRJCulSV3Ica9Fb8LL96kVzk4Elka/mNUtW5COhdkg="},
	{"I-5 empty body", secret32, "", "9FlwtM+1R7g1xYdnDP0ZkmnvFuB8YObkQhlSdCOjvnA="},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if got := sign([]byte(v.secret), []byte(v.body)); got != v.signature {
				t.Errorf("Sign = %s, want %s", got, v.signature)
			}
			slot, err := verifierOf(t, v.secret).verify([]string{v.signature}, []byte(v.body))
			if slot != 0 || err != nil {
				t.Errorf("verify = %d, %v, want 0, nil", slot, err)
			}
		})
	}
}

// No vector's signature is valid for another vector: no line break or space is ignored.
func TestVectorsAreNotInterchangeable(t *testing.T) {
	for _, a := range vectors {
		for _, b := range vectors {
			if a == b {
				continue
			}
			if _, err := verifierOf(t, a.secret).verify([]string{b.signature}, []byte(a.body)); reason(err) != sigMismatch {
				t.Errorf("signature of %s for %s: %v, want %s", b.name, a.name, err, sigMismatch)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := vectors[0].signature
	tests := []struct {
		name   string
		values []string
		want   string
	}{
		{"no header", nil, sigMissing},
		{"header twice", []string{good, good}, sigDoubled},
		{"empty", []string{""}, sigMalformed},
		{"comma-joined", []string{good + ", " + good}, sigMalformed},
		{"space before", []string{" " + good}, sigMalformed},
		{"space inside", []string{good[:10] + " " + good[10:]}, sigMalformed},
		{"space instead of a character", []string{good[:10] + " " + good[11:]}, sigMalformed},
		{"line break after", []string{good + "\n"}, sigMalformed},
		{"line break instead of the padding", []string{good[:43] + "\n"}, sigMalformed},
		{"no padding", []string{strings.TrimSuffix(good, "=")}, sigMalformed},
		{"prefix", []string{"sha256=" + good}, sigMalformed},
		{"URL alphabet", []string{strings.ReplaceAll(good, "+", "-")}, sigMalformed},
		{"hexadecimal", []string{"c4b0eefaa239f46990c50a429f4323570cc81fd1d8dd26246367"}, sigMalformed},
		{"33 bytes", []string{"xLDu+qI59GmQxQpCn0MjVwzIH9HY3SYkY2dF6kWLMrQA"}, sigMalformed},
		{"31 bytes", []string{"xLDu+qI59GmQxQpCn0MjVwzIH9HY3SYkY2dF6kWLMg=="}, sigMalformed},
		{"padding bits", []string{strings.TrimSuffix(good, "Q=") + "R="}, sigMalformed},
		{"100 KiB", []string{strings.Repeat("A", 100<<10)}, sigMalformed},
		{"first bit", []string{"R" + good[1:]}, sigMismatch},
		{"last bit", []string{good[:42] + "U="}, sigMismatch},
		{"another body", []string{vectors[5].signature}, sigMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			slot, err := verifierOf(t, secret32).verify(tt.values, []byte(bodyCompleted))
			if slot != -1 || reason(err) != tt.want {
				t.Errorf("verify = %d, %v, want -1, %s", slot, err, tt.want)
			}
		})
	}
}

func TestVerifyTriesAllSecrets(t *testing.T) {
	v := verifierOf(t, "a-new-secret-of-24-bytes-or-more", "", secret32, secret32)
	slot, err := v.verify([]string{vectors[0].signature}, []byte(bodyCompleted))
	if slot != 2 || err != nil {
		t.Errorf("verify = %d, %v, want 2, nil: empty secrets keep their position, the first match counts", slot, err)
	}
}

func TestEmptySecretIsNeverUsed(t *testing.T) {
	v := verifierOf(t, "", secret32)
	if _, err := v.verify([]string{sign(nil, []byte(bodyCompleted))}, []byte(bodyCompleted)); reason(err) != sigMismatch {
		t.Errorf("signed with the empty secret: %v, want %s", err, sigMismatch)
	}
	for _, none := range [][]schema.Secret{nil, {}, secrets(""), secrets("", "")} {
		if _, _, err := newVerifier(none); err == nil {
			t.Errorf("newVerifier of %d empty secrets: no error", len(none))
		}
	}
}

func TestWarnings(t *testing.T) {
	_, got, err := newVerifier(secrets(secret32, "", "short"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"secrets[1] is empty and ignored: check that its environment variable is set",
		"secrets[2] is 5 bytes long; use at least 24",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.signature, []byte(v.body))
		f.Add(v.signature+"\n", []byte(v.body))
		f.Add(" "+v.signature[:43], []byte(v.body))
	}
	v := verifierOf(f, "a-new-secret-of-24-bytes-or-more", secret32)
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		kept := string(body)
		slot, err := v.verify([]string{signature}, body)
		if string(body) != kept {
			t.Fatal("verify changed the body")
		}
		genuine := signature == sign([]byte(secret32), body)
		if (err == nil) != genuine && signature != sign([]byte("a-new-secret-of-24-bytes-or-more"), body) {
			t.Fatalf("verify = %v for a signature that is genuine: %t", err, genuine)
		}
		if err == nil && slot < 0 || err != nil && reason(err) == "" {
			t.Fatalf("verify = %d, %v", slot, err)
		}
		if slot, err := v.verify([]string{sign([]byte(secret32), body)}, body); slot != 1 || err != nil {
			t.Fatalf("own signature: %d, %v", slot, err)
		}
	})
}

func verifierOf(t testing.TB, texts ...string) *verifier {
	t.Helper()
	v, _, err := newVerifier(secrets(texts...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func secrets(texts ...string) []schema.Secret {
	all := make([]schema.Secret, len(texts))
	for i, text := range texts {
		all[i] = schema.NewSecret(text)
	}
	return all
}

func reason(err error) string {
	if refused, ok := errors.AsType[*source.Refused](err); ok {
		return refused.Reason
	}
	return ""
}
