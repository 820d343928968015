package e2es3

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// makeKeys makes n different keys. versitygw keeps keys that end in "/" as folders of its file system, which lose their content
// headers and do not lose their old tags: folders says whether there are such keys.
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

// isFolder reports keys that end in "/": they are objects like others, but stores on a file system keep them as folders, without
// content.
func isFolder(key string) bool { return strings.HasSuffix(key, "/") }

// another picks a key of the same sort, perhaps the same key.
func another(random *rand.Rand, keys []string, key string) string {
	for {
		if k := keys[random.IntN(len(keys))]; isFolder(k) == isFolder(key) {
			return k
		}
	}
}
