package e2es3

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// patterns are the shapes of the keys, with all characters that URLs, XML, events and file systems escape differently. No key is
// the folder of another one, which a store on a file system cannot hold.
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

// makeKeys returns n different keys. folders adds keys that end in "/". versitygw stores these as folders of its file system, which
// lose their content headers and keep old tags.
func makeKeys(n int, folders bool) []string {
	shapes := slices.Clone(patterns)
	if !folders {
		shapes = slices.DeleteFunc(shapes, isFolder)
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(shapes[i%len(shapes)], i)
	}
	return keys
}

// isFolder reports whether a key ends in "/". Such keys are objects, but stores on a file system keep them as folders without
// content.
func isFolder(key string) bool { return strings.HasSuffix(key, "/") }

// another picks a key of the same sort, possibly the same key.
func another(random *rand.Rand, keys []string, key string) string {
	for {
		if k := keys[random.IntN(len(keys))]; isFolder(k) == isFolder(key) {
			return k
		}
	}
}
