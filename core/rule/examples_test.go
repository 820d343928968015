package rule

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// TestExamples evaluates the examples of all functions as rules are. core/config does the same as values of locals are.
func TestExamples(t *testing.T) {
	scope := configOf(t, "").Scope
	env := &pointsmanv1.Envelope{Id: "1", Source: "chat", Kind: "websocket", Type: "websocket.message", Data: &pointsmanv1.Envelope_Websocket{Websocket: &pointsmanv1.WebSocketMessage{}}}
	for _, f := range config.Functions() {
		for _, example := range f.Examples {
			if f.Secret {
				continue
			}
			got, err := evaluateText(t, scope, example.Expression, env)
			if err != nil {
				t.Errorf("%s: %v", example.Expression, err)
				continue
			}
			if want, err := evaluateText(t, scope, example.Result, env); err != nil || !equal(got, want) {
				t.Errorf("%s is %s, want %s, %v", example.Expression, show(got), show(want), err)
			}
		}
	}
}

func evaluateText(t *testing.T, scope *hcl.EvalContext, text string, env *pointsmanv1.Envelope) (value, error) {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(text), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return evaluate(scope, e, text, env)
}
