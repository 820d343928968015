package apigateway

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func listing(t *testing.T, s store, room string) (all []string) {
	t.Helper()
	if err := s.members(t.Context(), room, func(r row) { all = append(all, r.connection) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// conforms is what every list does. It is empty at first.
func conforms(t *testing.T, s store) {
	ctx, at := t.Context(), time.Unix(1714564800, 0)
	add := func(id, room string, age time.Duration) error {
		return s.add(ctx, row{connection: id, room: room, connected: at, expires: at.Add(age)})
	}
	for id, room := range map[string]string{"a=": "chat:3", "b=": "chat:3", "c=": "chat:4"} {
		if err := add(id, room, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("a=", "chat:3", time.Hour); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := add("a=", "chat:4", time.Hour); err != errTaken { //nolint:errorlint // it is this one
		t.Errorf("elsewhere: %v", err)
	}
	if got := listing(t, s, "chat:3"); !slices.Equal(got, []string{"a=", "b="}) {
		t.Errorf("members %q", got)
	}
	if r, err := s.find(ctx, "c="); err != nil || r.room != "chat:4" || !r.connected.Equal(at) || !r.expires.Equal(at.Add(time.Hour)) {
		t.Errorf("found %v, %v", r, err)
	}
	if r, err := s.find(ctx, "nobody="); err != nil || r != (row{}) {
		t.Errorf("found %v, %v", r, err)
	}
	for range 2 {
		if err := s.remove(ctx, "b="); err != nil {
			t.Error(err)
		}
	}
	if r, err := s.find(ctx, "b="); err != nil || r != (row{}) || len(listing(t, s, "chat:3")) != 1 {
		t.Errorf("found %v, %v", r, err)
	}
	if err := add("old=", "chat:3", time.Minute); err != nil {
		t.Fatal(err)
	}
	var all []string
	if err := s.all(ctx, func(r row) { all = append(all, r.connection+r.room) }); err != nil {
		t.Error(err)
	}
	if slices.Sort(all); !slices.Equal(all, []string{"a=chat:3", "c=chat:4", "old=chat:3"}) {
		t.Errorf("all %q", all)
	}
	var swept []string
	if err := s.expired(ctx, at.Add(10*time.Minute), func(r row) error {
		swept = append(swept, r.connection+r.room)
		return s.remove(ctx, r.connection)
	}); err != nil || !slices.Equal(swept, []string{"old=chat:3"}) || len(listing(t, s, "chat:3")) != 1 {
		t.Errorf("swept %q, %v", swept, err)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "connections")
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	conforms(t, f)
	if _, err := openFile(path); err == nil || !strings.Contains(err.Error(), "in use by another router") {
		t.Errorf("opened twice: %v", err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	// A crash in the middle of a line.
	log, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.WriteString(`{"connection":"torn=","room":"cha`); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = openFile(path); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, f, "chat:3"); !slices.Equal(got, []string{"a="}) {
		t.Errorf("members %q", got)
	}
	for range maxStale + 10 { // it does not grow for ever
		at := time.Now()
		if err := f.append(lineOf(row{connection: "d=", room: "chat:5", connected: at, expires: at}), false); err != nil {
			t.Fatal(err)
		}
	}
	if f.lines > 20 || len(listing(t, f, "chat:5")) != 1 {
		t.Errorf("%d lines", f.lines)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if f, err = openFile(path); err != nil || len(f.rows) != 3 {
		t.Fatalf("%d rows, %v", len(f.rows), err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("what is this?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(path); err == nil || !strings.Contains(err.Error(), "connections:1: not a line") {
		t.Errorf("opened: %v", err)
	}
}

// What was read before a removal is not remembered after it.
func TestKnown(t *testing.T) {
	var k known
	read := row{connection: "a=", room: "chat:3"}
	k.set("a=", row{})
	k.learn(read)
	if r, known := k.get("a="); !known || r != (row{}) {
		t.Errorf("%v, %v", r, known)
	}
	for i := range 2 * maxKnown {
		k.learn(row{connection: string(rune(i)) + "=", room: "chat:3"})
	}
	if len(k.rows) > maxKnown {
		t.Errorf("%d rows", len(k.rows))
	}
}
