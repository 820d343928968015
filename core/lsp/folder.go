package lsp

import (
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pointsman/pointsman/core/config"
)

// Bounds on what is read of a folder.
const (
	maxFiles     = 200
	maxFileBytes = 1<<20 + 1 // what config refuses
)

// configFiles are the names of the configuration files in a folder.
func configFiles(folder string) []string {
	names, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*.hcl"))
	if err != nil {
		return nil
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Stat(name)
		return err != nil || !info.Mode().IsRegular() || !isConfig(name) || filepath.Base(name)[0] == '.'
	})
	return names[:min(len(names), maxFiles)]
}

// files are the configuration files of a folder, with those that are open and not on disk yet.
func (s *server) files(folder string) []string {
	names := configFiles(folder)
	for _, path := range s.opened(folder) {
		if !slices.Contains(names, path) {
			names = append(names, path)
		}
	}
	return names
}

// escapeGlob keeps the characters of a path from being read as a pattern.
func escapeGlob(path string) string {
	var out []byte
	for i := range len(path) {
		if c := path[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			out = append(out, '\\')
		}
		out = append(out, path[i])
	}
	return string(out)
}

// read returns a file as the editor has it, or else as it is on disk; nil if it cannot be read.
func (s *server) read(path string) *document {
	if d, open := s.document(path); open {
		return d
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes))
	if err != nil {
		return nil
	}
	return newDocument(path, text)
}

// declaration is a block or attribute that gives something its name.
type declaration struct {
	// what is "source", "plugin", "rule", "var" or "local".
	what, name string
	// kind is that of a source or plugin.
	kind string
	word config.Word
	in   *document
	// value is the text of a local, or a variable's description.
	value string
}

func (d *declaration) detail() string {
	if d.kind == "" {
		return d.what
	}
	return d.what + " of kind " + d.kind
}

// declarations finds everything that the files of a folder name.
func (s *server) declarations(folder string) []declaration {
	var found []declaration
	for _, name := range s.files(folder) {
		if d := s.read(name); d != nil {
			found = append(found, d.declarations()...)
		}
	}
	return found
}

func (d *document) declarations() []declaration {
	var found []declaration
	for _, b := range d.outline.Root.Blocks {
		switch {
		case (b.Type.Text == "source" || b.Type.Text == "plugin") && len(b.Labels) == 2:
			found = append(found, declaration{what: b.Type.Text, name: b.Labels[1].Text, kind: b.Labels[0].Text, word: b.Labels[1], in: d})
		case b.Type.Text == "rule" && len(b.Labels) == 1:
			found = append(found, declaration{what: "rule", name: b.Labels[0].Text, word: b.Labels[0], in: d})
		case b.Type.Text == "variable" && len(b.Labels) == 1:
			v := declaration{what: "var", name: b.Labels[0].Text, word: b.Labels[0], in: d}
			if a := attribute(b, "description"); a != nil && len(a.Texts) > 0 {
				v.value = a.Texts[0].Text
			}
			found = append(found, v)
		case b.Type.Text == "locals":
			for _, a := range b.Attributes {
				found = append(found, declaration{what: "local", name: a.Name.Text, word: a.Name, in: d})
			}
		}
	}
	return found
}

func attribute(b *config.OutlineBlock, name string) *config.OutlineAttribute {
	for i := range b.Attributes {
		if b.Attributes[i].Name.Text == name {
			return &b.Attributes[i]
		}
	}
	return nil
}

func find(list []declaration, what, name string) *declaration {
	for i := range list {
		if list[i].what == what && list[i].name == name {
			return &list[i]
		}
	}
	return nil
}
