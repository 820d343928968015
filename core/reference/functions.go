package reference

import "github.com/pointsman/pointsman/core/config"

// Function is a function of expressions.
type Function struct {
	Name string `json:"name"`
	// Family is the heading under which it is listed.
	Family string `json:"family"`
	// Signature is the call with its parameters. A name that ends in ? may be left out, one that ends in ... may be repeated or left out.
	Signature  string      `json:"signature"`
	Parameters []Parameter `json:"parameters,omitempty"`
	Returns    string      `json:"returns"`
	Doc        string      `json:"doc"`
	Examples   []Example   `json:"examples,omitempty"`
	// Secret functions give sensitive values and cannot be used in rules.
	Secret bool `json:"secret,omitempty"`
	// PerEvent functions can be used only where an event is.
	PerEvent bool `json:"per_event,omitempty"`
}

// Parameter is one parameter of a function.
type Parameter struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Optional bool   `json:"optional,omitempty"`
	Repeated bool   `json:"repeated,omitempty"`
}

// Example is a call and its result, both as they are written in a file.
type Example struct {
	Expression string `json:"expression"`
	Result     string `json:"result"`
}

func functions() []Function {
	docs := config.Functions()
	list := make([]Function, len(docs))
	for i, d := range docs {
		f := Function{Name: d.Name, Family: d.Family, Signature: d.Signature, Returns: d.Returns, Doc: d.Doc, Secret: d.Secret, PerEvent: d.RulesOnly}
		for _, p := range d.Parameters {
			f.Parameters = append(f.Parameters, Parameter(p))
		}
		for _, e := range d.Examples {
			f.Examples = append(f.Examples, Example(e))
		}
		list[i] = f
	}
	return list
}

// where says in which expressions a function can be called, if not in all.
func (f *Function) where() string {
	switch {
	case f.Secret:
		return "Not in rules."
	case f.PerEvent:
		return "Only in rules."
	}
	return ""
}

// families are the headings of functions, each once.
func families(list []Function) (names []string) {
	for i, f := range list {
		if i == 0 || f.Family != list[i-1].Family {
			names = append(names, f.Family)
		}
	}
	return names
}
