package schema_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// FuzzDecode: no input makes Decode panic, and what it accepts, encoding/json accepts as the same object.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"token":"t"}`, ` {"token":"\u0000\ud800","to":["a","b"],"labels":{"":""}} `, `{"token":"t","raw":[{"a":[1,2,"}"]}],"any":-1.5e-3}`,
		`{"token":"t","smtp":{"host":"h","port":25,"wait":"1h"},"header":[{"name":"a"},{"name":"b","value":"v"}]}`, `{"token":"t","small":1e1}`, `[`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got everything
		before := string(data)
		err := schema.Decode(nil, data, &got)
		if string(data) != before {
			t.Fatal("Decode changed its input")
		}
		if err != nil {
			return
		}
		var oracle struct {
			Token  *string           `json:"token"`
			To     []string          `json:"to"`
			Labels map[string]string `json:"labels"`
			SMTP   *struct {
				Host *string `json:"host"`
			} `json:"smtp"`
		}
		if err := json.Unmarshal(data, &oracle); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if oracle.Token == nil || *oracle.Token != got.Token.Reveal() {
			t.Errorf("token: got %q, want %v", got.Token.Reveal(), oracle.Token)
		}
		if oracle.To != nil && !cmp.Equal(oracle.To, got.To) || !cmp.Equal(oracle.Labels, got.Labels) {
			t.Errorf("got %v %v, want %v %v", got.To, got.Labels, oracle.To, oracle.Labels)
		}
		if oracle.SMTP != nil && *oracle.SMTP.Host != got.SMTP.Host {
			t.Errorf("smtp.host: got %q, want %q", got.SMTP.Host, *oracle.SMTP.Host)
		}
	})
}
