package schema_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

const canary = "hunter2"

// shapes are the ways in which a secret sits in something that gets printed.
func shapes() map[string]any {
	s := schema.NewSecret(canary)
	type exported struct{ S schema.Secret }
	type unexported struct{ s schema.Secret }
	type deep struct {
		inner *unexported
		list  []schema.Secret
		m     map[string]exported
		any   any
	}
	return map[string]any{
		"value": s, "pointer": &s, "slice": []schema.Secret{s}, "pointers": []*schema.Secret{&s}, "array": [1]schema.Secret{s},
		"map": map[string]schema.Secret{"k": s}, "any": []any{s}, "exported": exported{s}, "unexported": unexported{s},
		"pointer to unexported": &unexported{s}, "stringer": fmt.Stringer(s),
		"deep": deep{&unexported{s}, []schema.Secret{s}, map[string]exported{"k": {s}}, exported{s}},
	}
}

func TestSecretHides(t *testing.T) {
	hex := fmt.Sprintf("%x", canary)
	check := func(t *testing.T, how, out string) {
		t.Helper()
		low := strings.ToLower(out)
		if strings.Contains(low, canary) || strings.Contains(low, hex) {
			t.Errorf("%s shows the secret: %s", how, out)
		}
	}
	for name, v := range shapes() {
		t.Run(name, func(t *testing.T) {
			for verb := rune('A'); verb <= 'z'; verb++ { // every letter, fmt's verbs and those it does not know
				for _, flags := range []string{"", "+", "#", "-20", ".3", " ", "0", "+#"} {
					format := "%" + flags + string(verb)
					check(t, format, fmt.Sprintf(format, v))
				}
			}
			check(t, "Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
			check(t, "error", fmt.Errorf("open: %v", v).Error())
			if out, err := json.Marshal(v); err == nil {
				check(t, "json", string(out))
			}
			if out, err := xml.Marshal(v); err == nil {
				check(t, "xml", string(out))
			}
			var b bytes.Buffer
			slog.New(slog.NewTextHandler(&b, nil)).Info("m", "k", v)
			slog.New(slog.NewJSONHandler(&b, nil)).With("w", v).WithGroup("g").Info("m", "k", v)
			if err := template.Must(template.New("").Parse(`{{.}}{{printf "%s %q" . .}}`)).Execute(&b, v); err != nil {
				t.Fatal(err)
			}
			check(t, "slog and text/template", b.String())
		})
	}
}

func TestSecret(t *testing.T) {
	s := schema.NewSecret(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != schema.Redacted {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if out, _ := json.Marshal(s); string(out) != `"(sensitive)"` {
		t.Errorf("json: %s", out)
	}
	if s.Reveal() != canary || s.IsZero() || !s.Equal(schema.NewSecret(canary)) || s.Equal(schema.NewSecret("hunter3")) {
		t.Error("the secret is not what it was made of")
	}
	var zero, back schema.Secret
	if !zero.IsZero() || zero.Reveal() != "" || !zero.Equal(schema.NewSecret("")) || zero.String() != schema.Redacted {
		t.Error("the zero value is not the empty secret")
	}
	if err := json.Unmarshal([]byte(`"hunter2"`), &back); err != nil || !back.Equal(s) {
		t.Errorf("unmarshal: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"hunter2":1}`), &back); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("unmarshal of no string: %v", err)
	}
}
