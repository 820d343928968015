package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// node22 is the Node.js that `make servers` gets: the first one with a WebSocket client of its own.
var node22 = absolute(root + "/.cache/node/node_modules/.bin/node")

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}

// haveNode is the condition `[node]`: false where the tests that need Node.js are left out.
func haveNode(condition string) (bool, error) {
	const without = "POINTSMAN_TEST_NO_NODE"
	if condition != "node" {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	if os.Getenv(without) == "1" {
		return false, nil
	}
	if _, err := os.Stat(node22); err != nil {
		return false, fmt.Errorf("%w: run `make servers`; %s=1 leaves out what needs it", err, without)
	}
	return true, nil
}
