package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// patterns are the shapes of the keys: everything that is escaped differently in URLs, XML, events and file systems. None of
// them makes a key that is a folder of another one, which a store on a file system can't hold.
var patterns = []string{
	"plain/%03d.txt",
	"deep/a/b/c/d/e/%03d.bin",
	"with space/two  spaces %03d",
	"plus+plus/a+b+%03d",
	"percent/100%% %03d %%2F %%20",
	"unicode/日本語-é-ß-🙂-%03d",
	"decomposed/e\u0301-%03d",
	`quotes/"double" 'single' %03d`,
	"query/a&b=c#d?e-%03d",
	"signs/;,:!*()[]{}~@$^|<>-%03d",
	"folder-%03d/",
	"no-slash-%03d",
}

// makeKeys makes n different keys.
func makeKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(patterns[i%len(patterns)], i)
	}
	return keys
}

// isFolder tells keys that end in "/": they are objects like others, but stores on a file system keep them as folders, without
// content.
func isFolder(key string) bool { return strings.HasSuffix(key, "/") }

// another picks a key of the same sort, as often as not the key itself is among the candidates.
func another(random *rand.Rand, keys []string, key string) string {
	for {
		if k := keys[random.IntN(len(keys))]; isFolder(k) == isFolder(key) {
			return k
		}
	}
}
