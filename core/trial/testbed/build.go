package testbed

import (
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Build builds programs of this module into the folder bin, for tests that run a subcommand. A package below plugins/ becomes
// pointsman-plugin-<name>, as the router expects it.
func Build(bin string, packages ...string) error {
	for _, p := range packages {
		program := path.Base(p)
		if path.Dir(p) == "plugins" {
			program = "pointsman-plugin-" + program
		}
		build := exec.Command("go", "build", "-o", filepath.Join(bin, program), "github.com/pointsman/pointsman/"+p)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(build.Args, " "), err, out)
		}
	}
	return nil
}
