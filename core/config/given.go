package config

// File is a configuration file as text. Its name is the one that diagnostics show, and file() is relative to its folder.
type File struct {
	Name string
	Text []byte
}

// ReadFiles reads the files that Load would read. Of a file beyond the limits it keeps enough for Load to refuse it. An error is about
// a path that cannot be read.
func ReadFiles(paths []string) ([]File, *Diagnostics) {
	diags := &Diagnostics{files: map[string]*file{}}
	names, found := findFiles(paths, isConfiguration)
	diags.Append(found...)
	files := make([]File, 0, len(names))
	for _, name := range names {
		text, err := readLimited(name, maxFileBytes+1)
		if err != nil {
			diags.Append(fileError(name, err))
			continue
		}
		files = append(files, File{Name: name, Text: text})
	}
	return files, diags
}
