package plugintest

import (
	"encoding/json"
	"strings"
	"testing"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// CheckDescription returns what is wrong with a description.
func CheckDescription(d *pluginv1.DescribeResponse) (problems []string) {
	for what, text := range map[string]string{"name": d.GetName(), "version": d.GetVersion(), "sdk": d.GetSdk(), "doc": d.GetDoc()} {
		if strings.TrimSpace(text) == "" {
			problems = append(problems, "it has no "+what)
		}
	}
	if err := schema.CheckArguments(d.GetArguments()); err != nil {
		problems = append(problems, err.Error())
	}
	problems = checkSchema(problems, "settings", d.GetSettings())
	return checkSchema(problems, "arguments", d.GetArguments())
}

func checkSchema(problems []string, path string, s *pluginv1.Schema) []string {
	seen := map[string]bool{}
	check := func(name, doc string) {
		if seen[name] {
			problems = append(problems, path+"."+name+": there are two of this name")
		}
		if seen[name] = true; strings.TrimSpace(doc) == "" {
			problems = append(problems, path+"."+name+": it has no doc")
		}
	}
	for _, a := range s.GetAttributes() {
		check(a.GetName(), a.GetDoc())
		if a.GetType() == pluginv1.Type_TYPE_UNSPECIFIED {
			problems = append(problems, path+"."+a.GetName()+": it has no type")
		}
	}
	for _, b := range s.GetBlocks() {
		check(b.GetName(), b.GetDoc())
		problems = checkSchema(problems, path+"."+b.GetName(), b.GetSchema())
	}
	return problems
}

// exists reports whether a path such as "smtp.host" or "header[0].name" leads to something in s.
func exists(s *pluginv1.Schema, path string) bool {
	name, rest, nested := strings.Cut(path, ".")
	name, _, _ = strings.Cut(name, "[")
	for _, a := range s.GetAttributes() {
		if a.GetName() == name {
			return !nested || a.GetType() == pluginv1.Type_TYPE_STRING_MAP || a.GetType() == pluginv1.Type_TYPE_ANY
		}
	}
	for _, b := range s.GetBlocks() {
		if b.GetName() == name {
			return !nested || exists(b.GetSchema(), rest)
		}
	}
	return false
}

// mutations returns invalid variants of a valid object, by the path of the mistake.
func mutations(t *testing.T, s *pluginv1.Schema, good string) map[string][]string {
	t.Helper()
	bad := map[string][]string{}
	mutate := func(path string, change func(o map[string]any)) {
		var o map[string]any
		if err := json.Unmarshal([]byte(good), &o); err != nil {
			t.Fatalf("%s: %v", good, err)
		}
		change(o)
		out, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		bad[path] = append(bad[path], string(out))
	}
	mutate("no_such_name", func(o map[string]any) { o["no_such_name"] = 1 })
	for _, a := range s.GetAttributes() {
		if a.GetType() != pluginv1.Type_TYPE_ANY {
			path := a.GetName()
			if a.GetType() == pluginv1.Type_TYPE_STRING_LIST {
				path += "[0]" // a list is right, its element is not
			}
			mutate(path, func(o map[string]any) { o[a.GetName()] = []any{map[string]any{}} })
		}
		if a.GetRequired() {
			mutate(a.GetName(), func(o map[string]any) { delete(o, a.GetName()) })
		}
		if len(a.GetOneOf()) > 0 && a.GetType() == pluginv1.Type_TYPE_STRING {
			mutate(a.GetName(), func(o map[string]any) { o[a.GetName()] = "no such value" })
		}
	}
	for _, b := range s.GetBlocks() {
		mutate(b.GetName(), func(o map[string]any) { o[b.GetName()] = "no block" })
		if b.GetRequired() {
			mutate(b.GetName(), func(o map[string]any) { delete(o, b.GetName()) })
		}
	}
	return bad
}
