package sdk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlineContext(t *testing.T) {
	type key struct{}
	tests := []struct {
		name string
		end  func(parent context.CancelFunc, c *deadlineContext)
		want error
	}{
		{"deadline", func(context.CancelFunc, *deadlineContext) { time.Sleep(time.Minute) }, context.DeadlineExceeded},
		{"parent", func(parent context.CancelFunc, _ *deadlineContext) { parent() }, context.Canceled},
		{"end", func(_ context.CancelFunc, c *deadlineContext) { c.end() }, context.Canceled},
	}
	for _, tt := range tests {
		for _, early := range []bool{true, false} { // whether Done is called before the end, or only after
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
				defer cancel()
				c := withDeadline(parent, time.Now().Add(time.Minute))
				defer c.end()
				var child context.Context
				if early {
					ch, cancelChild := context.WithCancel(c)
					defer cancelChild()
					child = ch
				}
				if at, ok := c.Deadline(); !ok || time.Until(at) != time.Minute || c.Err() != nil || c.Value(key{}) != "v" {
					t.Errorf("%s: deadline %v %v, err %v", tt.name, at, ok, c.Err())
				}
				tt.end(cancel, c)
				synctest.Wait()
				if !errors.Is(c.Err(), tt.want) {
					t.Errorf("%s, early %v: got %v", tt.name, early, c.Err())
				}
				<-c.Done()
				if !errors.Is(c.Err(), tt.want) {
					t.Errorf("%s, early %v: after Done got %v", tt.name, early, c.Err())
				}
				if child != nil && !errors.Is(child.Err(), tt.want) {
					t.Errorf("%s: the child got %v", tt.name, child.Err())
				}
			})
		}
	}
}
