package testbed

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// ReadRecord reads the record of the noop plugin: the ids of the deliveries that it did, in the order in which it did them. A
// delivery that was done twice is in it twice. A file that does not exist is an empty record.
func ReadRecord(path string) (ids []string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		id, _, _ := strings.Cut(lines.Text(), " ")
		ids = append(ids, id)
	}
	return ids, lines.Err()
}
