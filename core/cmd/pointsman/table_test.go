package main

import (
	"slices"
	"testing"
)

// Long cells are cut to the width of a terminal, the widest first, and only in columns where that does no harm.
func TestFit(t *testing.T) {
	table := func() [][]string {
		return [][]string{
			{"NUMBER", "RECEIVED", "ID", "ERROR"},
			{"1", "2026-11-27T05:58:30Z (1m ago)", "d41cd3e1-7bf3-481e-bb68-1efeef5bd62a", "404 no_team: the webhook was removed or disabled"},
			{"2", "2026-11-27T05:58:31Z (1m ago)", "ü1", "-"},
		}
	}
	for _, test := range []struct {
		name    string
		columns int
		id, err string
		exact   bool
	}{
		{"wide enough", 125, "d41cd3e1-7bf3-481e-bb68-1efeef5bd62a", "404 no_team: the webhook was removed or disabled", true},
		{"without times", 104, "d41cd3e1-7bf3-481e-bb68-1efeef5bd62a", "404 no_team: the webhook was removed or disabled", false},
		{"widest first", 96, "d41cd3e1-7bf3-481e-bb68-1efeef5bd62a", "404 no_team: the webhook was removed or…", false},
		{"both", 60, "d41cd3e1-7…eef5bd62a", "404 no_team: the we…", false},
		{"no shorter than that", 20, "d41cd3…bd62a", "404 no_team…", false},
	} {
		rows := table()
		fit(rows, test.columns)
		want := table()
		want[1][2], want[1][3] = test.id, test.err
		if !test.exact {
			want[1][1], want[2][1] = "1m ago", "1m ago"
		}
		for i := range rows {
			if !slices.Equal(rows[i], want[i]) {
				t.Errorf("%s: row %d is %q, want %q", test.name, i, rows[i], want[i])
			}
		}
	}
}
