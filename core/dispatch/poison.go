package dispatch

// poisonDetector finds the delivery that crashes the plugin. Every delivery in flight at a crash becomes a suspect and is sent
// alone from then on. A suspect is cleared when the plugin answers it, and is poison at the second crash with nothing else in
// flight. Two crashes and not one, because a plugin also dies of causes outside it (kill -9, the OOM killer), which must not
// turn the delivery in flight into a dead letter.
//
// It maps the Seq of each suspect to the crashes with only that one in flight. It is kept in memory only: after a restart of the
// router the detection starts again with the next crash.
type poisonDetector map[int64]int

// soloCrashes is how many crashes with nothing else in flight make a delivery poison.
const soloCrashes = 2

// crashed records a crash with these deliveries in flight. It reports whether there is only one and it is poison.
func (p poisonDetector) crashed(inFlight []sentDelivery) (poison bool) {
	if len(inFlight) != 1 {
		for _, x := range inFlight {
			if !p.suspects(x.delivery.Seq) {
				p[x.delivery.Seq] = 0
			}
		}
		return false
	}
	seq := inFlight[0].delivery.Seq
	p[seq]++
	return p[seq] >= soloCrashes
}

// suspects reports whether the delivery must be sent alone.
func (p poisonDetector) suspects(seq int64) bool {
	_, ok := p[seq]
	return ok
}

// clear forgets a delivery, because the plugin answered it or because it is a dead letter now.
func (p poisonDetector) clear(seq int64) { delete(p, seq) }
