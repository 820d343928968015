package dispatch

// suspects hunts the delivery that kills the plugin. Whatever is in flight when the plugin crashes is a suspect; a suspect is sent
// alone, so that a second crash convicts or acquits. The value counts the crashes in which it was alone in flight: two convict.
// Two and not one, because a plugin also dies of causes outside it (kill -9, the OOM killer), and the delivery that happens to
// be under way must not become a dead letter for that.
//
// Kept in memory only: a restart of the router forgets, and the hunt begins again with the next crash.
type suspects map[int64]int

// lonelyCrashes is how many crashes alone in flight make a delivery poison.
const lonelyCrashes = 2

// crashed notes a crash with these deliveries in flight. It returns whether the only one of them is now known as poison.
func (s suspects) crashed(inFlight []flight) (poison bool) {
	if len(inFlight) != 1 {
		for _, x := range inFlight {
			if !s.has(x.delivery.Seq) {
				s[x.delivery.Seq] = 0
			}
		}
		return false
	}
	seq := inFlight[0].delivery.Seq
	s[seq]++
	return s[seq] >= lonelyCrashes
}

// has reports whether the delivery must be sent alone.
func (s suspects) has(seq int64) bool {
	_, ok := s[seq]
	return ok
}

// acquit forgets a delivery: the plugin survived it, or it is a dead letter now.
func (s suspects) acquit(seq int64) { delete(s, seq) }
