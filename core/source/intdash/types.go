package intdash

import "slices"

// knownActions lists the known actions of each resource type. Unknown ones are routed as well; they share one metric label.
var knownActions = map[string][]string{
	"measurement":     {"created", "updated", "deleted", "completed"},
	"edge":            {"created", "updated", "deleted"},
	"edge_connection": {"created", "updated", "deleted", "connected", "disconnected"},
	"project_edge":    {"created", "updated", "deleted"},
	"project_member":  {"created", "updated", "deleted"},
	"user":            {"created", "updated", "deleted"},
	"tenant":          {"created", "updated", "deleted"},
}

// KnownTypes returns the event types that have their own metric label, sorted.
func KnownTypes() []string {
	var types []string
	for resource, actions := range knownActions {
		for _, a := range actions {
			types = append(types, "intdash."+resource+"."+a)
		}
	}
	slices.Sort(types)
	return types
}
