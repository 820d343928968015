package main

import (
	"sync"
	"time"
)

// lanes has one lane for the webhook, or one for each channel.
type lanes struct {
	pace pace

	mu     sync.Mutex
	byName map[string]*lane
}

// manyLanes is the number of lanes above which idle ones are forgotten. Channel names may come from events, so it must be bounded.
const manyLanes = 1024

func (ls *lanes) of(name string) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.byName[name]; l != nil {
		return l
	}
	if len(ls.byName) >= manyLanes {
		now := time.Now()
		for name, l := range ls.byName {
			if l.idle(now) {
				delete(ls.byName, name)
			}
		}
	}
	l := &lane{pace: ls.pace}
	ls.byName[name] = l
	return l
}
