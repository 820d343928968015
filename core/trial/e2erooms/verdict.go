package e2erooms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// limit is the longest time until a completed measurement is in the page, in ms.
const limit = 1000

// lines is the number of messages that each of the two users sends first.
const lines = 10

// seen is the content of the pages at the end, and what the other clients received.
type seen struct {
	Browser       string
	Titles        []string
	Hostile       string   // sent by Ann; as HTML it would run a script
	Errors        []string // of the pages: violations of their security policy, and exceptions
	MeasurementMS int      `json:"measurement_ms"`
	Ann, Bob, Eve []string // in the order of the list, including own messages
	Clients       map[string][]string
	WithoutToken  int // pages that were let in without a token

	measurement string
	dead        int
}

func (v *seen) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "browser:            Chromium %s, the page of examples/chat-room\n", v.Browser)
	fmt.Fprintf(&b, "Ann and Bob:        %d and %d messages in their lists, Eve in another room: %d; errors of the pages: %d\n", len(v.Ann), len(v.Bob), len(v.Eve), len(v.Errors))
	fmt.Fprintf(&b, "measurement:        in the room %d ms after it was posted\n", v.MeasurementMS)
	for _, name := range slices.Sorted(maps.Keys(v.Clients)) {
		fmt.Fprintf(&b, "%-20sreceived %s\n", name+":", strings.Join(v.Clients[name], ", "))
	}
	fmt.Fprintf(&b, "restarts:           both pages reconnected, then with a token\n")
	fmt.Fprintf(&b, "dead letters:       %d", v.dead)
	return b.String()
}

// complaint returns the failed checks.
func (v *seen) complaint() error {
	var broken []error
	promise := func(kept bool, format string, args ...any) {
		if !kept {
			broken = append(broken, fmt.Errorf(format, args...))
		}
	}
	once := func(who string, list []string, text string) {
		n := count(list, text)
		promise(n == 1, "%s has %q %d times", who, text, n)
	}
	clients := slices.Sorted(maps.Keys(v.Clients))
	sent := []string{v.Hostile, "Measurement " + v.measurement + " is complete", "hello everybody", "back again", "with a token"}
	for i := range lines {
		sent = append(sent, fmt.Sprintf("from Ann %d", i+1), fmt.Sprintf("from Bob %d", i+1))
	}
	for _, name := range clients {
		sent = append(sent, "hello from "+name)
	}
	for who, list := range map[string][]string{"Ann": v.Ann, "Bob": v.Bob} {
		for _, text := range sent {
			once(who, list, text)
		}
		promise(len(list) == len(sent), "%s has %d messages, and %d were sent", who, len(list), len(sent))
	}
	promise(inOrder(v.Ann, "from Bob %d") && inOrder(v.Bob, "from Ann %d"), "messages did not arrive in order")
	promise(len(v.Eve) == 0, "a client in another room received %q", v.Eve)
	promise(len(v.Errors) == 0, "errors of the pages: %q", v.Errors)
	promise(slices.Equal(v.Titles, []string{"Rooms", "Rooms"}), "a script in a message was run: %q", v.Titles)
	promise(v.MeasurementMS < limit, "the measurement was in the room after %d ms", v.MeasurementMS)
	promise(len(clients) == 3, "want three other clients, got %q", clients)
	for _, name := range clients {
		for _, other := range clients {
			n := count(v.Clients[name], "hello from "+other)
			promise(other == name && n == 0 || other != name && n == 1, "%s received %s %d times", name, other, n)
		}
		once(name, v.Clients[name], "hello everybody")
	}
	promise(v.WithoutToken == 0, "a page was let in without a token")
	promise(v.dead == 0, "%d dead letters", v.dead)
	return errors.Join(broken...)
}

func count(list []string, text string) int {
	n := 0
	for _, t := range list {
		if t == text {
			n++
		}
	}
	return n
}

// inOrder reports whether the numbered texts are in order.
func inOrder(list []string, format string) bool {
	last := -1
	for i := range lines {
		at := slices.Index(list, fmt.Sprintf(format, i+1))
		if at <= last {
			return false
		}
		last = at
	}
	return true
}
