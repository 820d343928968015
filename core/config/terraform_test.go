package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// TestTerraform checks the Terraform of the examples: its syntax and format, as `terraform fmt -check` does. It stands here because
// HCL is not known elsewhere. With a folder of providers it has Terraform validate them too; fetching one takes 600 MB.
func TestTerraform(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	copied := t.TempDir()
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := hclwrite.ParseConfig(content, name, hcl.InitialPos); diags.HasErrors() {
			t.Error(diags)
		}
		if diff := cmp.Diff(string(content), string(hclwrite.Format(content))); diff != "" {
			t.Errorf("%s: run terraform fmt:\n%s", name, diff)
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(name)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plugins := os.Getenv("POINTSMAN_TEST_TERRAFORM_PLUGINS")
	if plugins == "" {
		return
	}
	for _, args := range [][]string{
		{"fmt", "-check", "-diff"},
		{"init", "-input=false", "-backend=false", "-plugin-dir=" + plugins},
		{"validate", "-no-color"},
	} {
		cmd := exec.CommandContext(t.Context(), "terraform", args...)
		cmd.Dir, cmd.Env = copied, append(os.Environ(), "CHECKPOINT_DISABLE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %q: %v\n%s", args, err, out)
		}
	}
}
