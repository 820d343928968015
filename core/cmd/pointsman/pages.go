package main

import (
	"context"
	"fmt"
)

// maxPage is the largest page that the admin API answers.
const maxPage = 1000

// collect asks for pages until it has limit records or the list has ended. Pages may be empty. It returns the token of the page
// after the last record, which is empty at the end of the list.
func collect[T any](ctx context.Context, limit int, page func(size int32, token string) ([]T, string, error)) (all []T, next string, err error) {
	for {
		part, token, err := page(int32(min(limit-len(all), maxPage)), next)
		if err != nil {
			return nil, "", err
		}
		all, next = append(all, part...), token
		if next == "" || len(all) >= limit {
			return all, next, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
	}
}

// listed prints to standard error what a table of n rows does not show: that there are none at all or none that match, or that
// there is more.
func listed(s streams, n int, next, nouns string, selected bool) {
	switch {
	case n == 0 && selected:
		fmt.Fprintf(s.err, "No %s match.\n", nouns)
	case n == 0:
		fmt.Fprintf(s.err, "There are no %s.\n", nouns)
	case next != "":
		fmt.Fprintf(s.err, "There are more %s: raise --limit to see them.\n", nouns)
	}
}

// checkLimit checks the flag --limit.
func checkLimit(limit int) error {
	if limit < 1 {
		return usageError(fmt.Errorf("--limit %d: want 1 or more", limit))
	}
	return nil
}
