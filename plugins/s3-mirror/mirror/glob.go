package mirror

import (
	"slices"
	"unicode/utf8"
)

func matchAny(globs []string, key string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return match(g, key) })
}

// match reports whether glob matches the whole key: * stands for any characters, ? for any one.
func match(glob, key string) bool {
	star, retry := -1, 0 // position of the last *, and of the next part of the key to try after it
	g, k := 0, 0
	for k < len(key) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, retry = g, k
			g++
		case g < len(glob) && glob[g] == '?':
			_, n := utf8.DecodeRuneInString(key[k:])
			g, k = g+1, k+n
		case g < len(glob) && glob[g] == key[k]:
			g, k = g+1, k+1
		case star >= 0:
			retry++
			g, k = star+1, retry
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}
