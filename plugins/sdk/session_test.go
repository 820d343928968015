package sdk

import (
	"strings"
	"testing"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

func TestCut(t *testing.T) {
	results := func(n, size int, effect bool) (rs []*pluginv1.Result) {
		for range n {
			r := &pluginv1.Result{Id: "id"}
			if effect {
				r.Effects = []*pluginv1.Effect{{Effect: &pluginv1.Effect_RoomSend{RoomSend: &pluginv1.RoomSend{Data: make([]byte, size)}}}}
			} else {
				r.Receipt = strings.Repeat("x", size)
			}
			rs = append(rs, r)
		}
		return rs
	}
	for name, tt := range map[string]struct {
		results []*pluginv1.Result
		want    int
	}{
		"none":        {nil, 0},
		"few":         {results(3, 10, false), 3},
		"many":        {results(200, 10, false), handshake.MaxBatch},
		"large":       {results(10, 100<<10, false), 2},
		"effects":     {results(10, 100<<10, true), 2},
		"one is more": {results(2, 1<<20, true), 1},
	} {
		if got := cut(tt.results); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestGate(t *testing.T) {
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	g := &gate{}
	if !g.enter(2) {
		t.Error("it is shut from the start")
	}
	g.leave(2)
	g.enter(1)
	empty := g.shut()
	if closed(empty) || g.enter(1) {
		t.Error("it is open, or empty, with one inside")
	}
	g.leave(1)
	if closed(empty) {
		t.Error("it is empty with one inside")
	}
	g.leave(1)
	if !closed(empty) || !closed(g.shut()) {
		t.Error("it is not empty")
	}
	g.enter(1) // refused, but counted until it is answered
	g.leave(1)
}
