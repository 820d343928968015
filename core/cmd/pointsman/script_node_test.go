package main

import (
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
