package config

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The reference has every block that a file may have, and every unit.
func TestReferenceIsComplete(t *testing.T) {
	var blocks []string
	for _, b := range Blocks() {
		blocks = append(blocks, b.Name)
	}
	if diff := cmp.Diff(rootBlockNames(), slices.Sorted(slices.Values(blocks))); diff != "" {
		t.Errorf("blocks of a file (-) and of the reference (+):\n%s", diff)
	}
	var names []string
	for _, n := range Names() {
		names = append(names, n.Name)
	}
	for unit := range maps.Keys(units) {
		if !slices.Contains(names, unit) {
			t.Errorf("the reference does not have the unit %q", unit)
		}
	}
}
