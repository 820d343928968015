package intdash

import "slices"

// knownActions are the actions of each resource type that intdash is known to send. Others are routed just the same; they
// share one label in metrics.
var knownActions = map[string][]string{
	"measurement":     {"created", "updated", "deleted", "completed"},
	"edge":            {"created", "updated", "deleted"},
	"edge_connection": {"created", "updated", "deleted", "connected", "disconnected"},
	"project_edge":    {"created", "updated", "deleted"},
	"project_member":  {"created", "updated", "deleted"},
	"user":            {"created", "updated", "deleted"},
	"tenant":          {"created", "updated", "deleted"},
}

// KnownTypes are the event types that metrics tell apart, sorted.
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
