package schema

// Diagnostic is something wrong with the settings. The router shows it at the line of the configuration that Path names.
// It must hold no secret; values of Secret settings are taken out of it.
type Diagnostic struct {
	// Path of the setting: "smtp.host", "header[0].name". Empty: the settings as a whole.
	Path string
	// Summary is one short sentence: what is wrong.
	Summary string
	// Detail says what to do about it. May be empty.
	Detail string
	// Warning lets the plugin start all the same.
	Warning bool
}

// Error is "path: summary".
func (d Diagnostic) Error() string {
	if d.Path == "" {
		return d.Summary
	}
	return d.Path + ": " + d.Summary
}

// Diagnostics collects what a check of settings finds.
type Diagnostics []Diagnostic

// Add adds an error.
func (ds *Diagnostics) Add(path, summary, detail string) {
	*ds = append(*ds, Diagnostic{Path: path, Summary: summary, Detail: detail})
}

// Warn adds a warning.
func (ds *Diagnostics) Warn(path, summary, detail string) {
	*ds = append(*ds, Diagnostic{Path: path, Summary: summary, Detail: detail, Warning: true})
}
