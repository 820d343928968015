package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestOperator runs testdata/operator/*.txtar: sessions of operators with a router of fixed content, whose socket is $SOCKET.
func TestOperator(t *testing.T) {
	_, socket := startFake(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/operator",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SOCKET", socket)
			env.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}
