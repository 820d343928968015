package config

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"go.yaml.in/yaml/v3"

	"github.com/pointsman/pointsman/core/jsondoc"
)

// Limits of YAML. The parser needs some hundred bytes for each byte of text, and aliases can make a few lines into billions of values.
const (
	maxYAMLBytes  = 256 << 10
	maxYAMLValues = 100_000
	maxYAMLText   = 4 << 20
)

var yamlDecodeFunc = textFunc(cty.DynamicPseudoType, 1, func(a []string) (cty.Value, error) {
	v, err := decodeYAML(a[0])
	if err != nil {
		return cty.NilVal, function.NewArgError(0, err)
	}
	return v, nil
})

func decodeYAML(text string) (cty.Value, error) {
	if len(text) > maxYAMLBytes {
		return cty.NilVal, fmt.Errorf("more than %d KiB of YAML", maxYAMLBytes>>10)
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, more yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return cty.NullVal(cty.DynamicPseudoType), nil
	case err != nil:
		return cty.NilVal, fmt.Errorf("not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return cty.NilVal, errors.New("more than one document of YAML")
	}
	r := &yamlReader{}
	return r.value(&document, 0)
}

// yamlReader turns the syntax tree into a value. It counts what aliases repeat.
type yamlReader struct{ values, text int }

func (r *yamlReader) value(n *yaml.Node, depth int) (cty.Value, error) {
	r.values++
	r.text += len(n.Value)
	switch {
	case depth > jsondoc.MaxDepth:
		return cty.NilVal, fmt.Errorf("line %d: more than %d levels", n.Line, jsondoc.MaxDepth)
	case r.values > maxYAMLValues || r.text > maxYAMLText:
		return cty.NilVal, fmt.Errorf("line %d: with its aliases written out this has more than %d values or %d MiB of text", n.Line, maxYAMLValues, maxYAMLText>>20)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(n.Content[0], depth)
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1) // an alias inside its own anchor ends at the limit of levels
	case yaml.SequenceNode:
		return r.list(n, depth)
	case yaml.MappingNode:
		members := map[string]cty.Value{}
		if err := r.members(n, depth, members); err != nil {
			return cty.NilVal, err
		}
		return cty.ObjectVal(members), nil
	}
	return yamlScalar(n)
}

func (r *yamlReader) list(n *yaml.Node, depth int) (cty.Value, error) {
	if n.ShortTag() != "!!seq" {
		return cty.NilVal, errYAMLTag(n)
	}
	items := make([]cty.Value, len(n.Content))
	for i, item := range n.Content {
		v, err := r.value(item, depth+1)
		if err != nil {
			return cty.NilVal, err
		}
		items[i] = v
	}
	return cty.TupleVal(items), nil
}

// members adds the members of a mapping; what it merges with << does not replace them.
func (r *yamlReader) members(n *yaml.Node, depth int, members map[string]cty.Value) error {
	if n.ShortTag() != "!!map" {
		return errYAMLTag(n)
	}
	var merged []*yaml.Node
	own := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case key.Kind != yaml.ScalarNode:
			return fmt.Errorf("line %d: a key must be text", key.Line)
		case own[key.Value]:
			return fmt.Errorf("line %d: this key is there twice", key.Line)
		}
		own[key.Value] = true
		v, err := r.value(value, depth+1)
		if err != nil {
			return err
		}
		if _, exists := members[key.Value]; !exists {
			members[key.Value] = v
		}
	}
	for _, m := range merged {
		if err := r.merge(m, depth+1, members); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the members of a mapping, or of a list of mappings, that are not there yet.
func (r *yamlReader) merge(n *yaml.Node, depth int, members map[string]cty.Value) error {
	if r.values++; depth > jsondoc.MaxDepth || r.values > maxYAMLValues {
		return fmt.Errorf("line %d: too many things are merged", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.merge(n.Alias, depth+1, members)
	case yaml.MappingNode:
		return r.members(n, depth, members)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if err := r.merge(item, depth+1, members); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("line %d: << merges a mapping, and this is none", n.Line)
}

func yamlScalar(n *yaml.Node) (cty.Value, error) {
	tag := n.ShortTag()
	if tag == "!!str" && n.Style == 0 && yamlNumberText.MatchString(n.Value) {
		tag = "!!float" // out of the range of the parser, which takes it for text
	}
	switch tag {
	case "!!str", "!!timestamp", "!!binary", "!!merge":
		return cty.StringVal(n.Value), nil
	case "!!null":
		return cty.NullVal(cty.DynamicPseudoType), nil
	case "!!bool":
		return cty.BoolVal(strings.EqualFold(n.Value, "true")), nil
	case "!!int", "!!float":
		return yamlNumber(n)
	}
	return cty.NilVal, errYAMLTag(n)
}

var yamlNumberText = regexp.MustCompile(`^[-+]?(0[xob][0-9a-fA-F_]+|(\d[\d_]*\.?[\d_]*|\.[\d_]+)([eE][-+]?\d+)?)$`)

// yamlNumber keeps all digits. Readers of YAML disagree about 010, which is 8 or 10.
func yamlNumber(n *yaml.Node) (cty.Value, error) {
	digits := strings.TrimPrefix(strings.ReplaceAll(n.Value, "_", ""), "+")
	bare := strings.TrimPrefix(digits, "-")
	switch {
	case strings.HasPrefix(bare, "0x"), strings.HasPrefix(bare, "0o"), strings.HasPrefix(bare, "0b"):
		if whole, ok := new(big.Int).SetString(digits, 0); ok && len(digits) <= jsondoc.MaxDigits {
			return cty.NumberVal(new(big.Float).SetPrec(numberPrecision).SetInt(whole)), nil
		}
	case len(bare) > 1 && bare[0] == '0' && bare[1] >= '0' && bare[1] <= '9':
		return cty.NilVal, fmt.Errorf("line %d: %s is a different number for different readers; write it in quotes, or without the 0 before it", n.Line, excerpt(n.Value))
	case numberText.MatchString(digits) && !outOfRange(digits):
		return cty.ParseNumberVal(digits)
	}
	return cty.NilVal, fmt.Errorf("line %d: %s is not a number, or one out of range", n.Line, excerpt(n.Value))
}

func errYAMLTag(n *yaml.Node) error {
	return fmt.Errorf("line %d: the tag %s is not known here", n.Line, excerpt(n.ShortTag()))
}

// excerpt cuts a text from outside for an error.
func excerpt(s string) string {
	const limit = 40
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
