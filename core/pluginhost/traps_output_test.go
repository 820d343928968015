package pluginhost

import (
	"testing"
)

// What a plugin prints after the handshake is logged, and does not block it.
func TestTrapOutputAfterServe(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	if _, err := r.deliver(s, "print"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stdout is in the log", func() bool {
		found := r.log.find("unexpected output on stdout")
		return len(found) == 1 && found[0]["line"] == "printed by accident" && found[0]["level"] == "WARN"
	})
	eventually(t, "stderr is in the log", func() bool {
		found := r.log.find("plugin output")
		return len(found) == 1 && found[0]["line"] == "complained by accident"
	})
}

// A long line on standard output after the handshake does not block the plugin in write.
func TestTrapLongLineOnStdout(t *testing.T) {
	r := newRig(t, "ok").ready()
	if _, err := r.deliver(r.session(), "stdout"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both lines are logged", func() bool {
		found := r.log.find("unexpected output on stdout")
		return len(found) == 2 && found[0]["cut"] == true && found[1]["line"] == "still alive"
	})
}

// A log record with an unexpected type makes go-plugin's own reader panic, and the host with it.
func TestTrapMalformedLogRecord(t *testing.T) {
	r := newRig(t, "badlog").ready()
	eventually(t, "the lines are logged as text", func() bool {
		found := r.log.find("plugin output")
		return len(found) >= 1 && found[0]["line"] == `{"@message":1}`
	})
}

// Spam is bounded: per line, per second, and in memory.
func TestTrapSpam(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	if _, err := r.deliver(s, "spam"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.deliver(s, "chatter"); err != nil {
		t.Fatal(err)
	}
	r.stop()
	dropped := 0
	for _, rec := range r.log.find("plugin logs too much: lines dropped") {
		dropped += int(rec["lines"].(float64))
	}
	written := len(r.log.find("plugin output"))
	if dropped == 0 || written < logBurst {
		t.Errorf("%d lines written, %d dropped", written, dropped)
	}
	if sent := 100 + 5000; written+dropped != sent { // the line without an end runs into the first of chatter
		t.Errorf("%d lines written and %d dropped of %d", written, dropped, sent)
	}
	for _, rec := range r.log.find("plugin output") {
		if n := len(rec["line"].(string)); n > maxLine {
			t.Fatalf("a line of %d bytes", n)
		}
	}
}
