package e2erooms

import (
	"fmt"
	"slices"
	"testing"
)

// good is what is seen when all is well.
func good() *seen {
	v := &seen{
		Titles: []string{"Rooms", "Rooms"}, Hostile: "<img>", measurement: "m", MeasurementMS: 30,
		Clients: map[string][]string{
			"a": {"hello from b", "hello from c", "hello everybody"},
			"b": {"hello from a", "hello from c", "hello everybody"},
			"c": {"hello from b", "hello from a", "hello everybody"},
		},
	}
	for i := range lines {
		v.Ann = append(v.Ann, fmt.Sprintf("from Ann %d", i+1), fmt.Sprintf("from Bob %d", i+1))
	}
	v.Ann = append(v.Ann, "<img>", "Measurement m is complete", "hello from a", "hello from b", "hello from c", "hello everybody", "back again", "with a token")
	v.Bob = slices.Clone(v.Ann)
	return v
}

// The verdict complains of everything that it can see.
func TestComplaint(t *testing.T) {
	if err := good().complaint(); err != nil {
		t.Fatalf("all is well, and it complains: %v", err)
	}
	for name, spoil := range map[string]func(v *seen){
		"nothing":      func(v *seen) { *v = seen{} },
		"lost":         func(v *seen) { v.Bob = v.Bob[1:] },
		"twice":        func(v *seen) { v.Ann = append(v.Ann, v.Ann[3]) },
		"order":        func(v *seen) { v.Bob[0], v.Bob[2] = v.Bob[2], v.Bob[0] },
		"unknown":      func(v *seen) { v.Bob = append(v.Bob, "something else") },
		"overheard":    func(v *seen) { v.Eve = []string{"from Ann 1"} },
		"page errors":  func(v *seen) { v.Errors = []string{"Refused to load"} },
		"script":       func(v *seen) { v.Titles[1] = "run" },
		"late":         func(v *seen) { v.MeasurementMS = limit },
		"no client":    func(v *seen) { delete(v.Clients, "a") },
		"client deaf":  func(v *seen) { v.Clients["b"] = v.Clients["b"][1:] },
		"client echo":  func(v *seen) { v.Clients["b"] = append(v.Clients["b"], "hello from b") },
		"open door":    func(v *seen) { v.WithoutToken = 1 },
		"dead letters": func(v *seen) { v.dead = 1 },
	} {
		v := good()
		spoil(v)
		if v.complaint() == nil {
			t.Errorf("%s: no complaint about\n%s", name, v)
		}
	}
}
