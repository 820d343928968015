package crash

import (
	"testing"
	"time"

	"github.com/pointsman/pointsman/core/trial/testbed"
)

// A short run of what make crash does at length: nothing that was acknowledged is lost.
func TestRun(t *testing.T) {
	bin := t.TempDir()
	if err := testbed.Build(bin, "core/cmd/pointsman", "plugins/sdk/plugintest/pointsman-plugin-noop"); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), options{kills: 3, clients: 8, longest: 400 * time.Millisecond, seed: 1, bin: bin}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
}

func TestLedger(t *testing.T) {
	// The ledger can tell a loss: an acknowledged event that is nowhere.
	s := &site{Router: &testbed.Router{Dir: t.TempDir()}}
	l := newLoad("http://127.0.0.1:1", "secret")
	l.known = []string{"acknowledged-and-gone"}
	books, err := s.audit(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if books.lost != 1 || books.acked != 1 || books.extra != 0 {
		t.Errorf("got %+v, want one acked and lost", books)
	}
}
