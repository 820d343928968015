package admin

import (
	"testing"

	"github.com/pointsman/pointsman/core/journal"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

// TestStoppedRouter asks the journal of a router that is not running.
func TestStoppedRouter(t *testing.T) {
	r := newRig(t, func(o *Options) { o.API = NewService(ServiceOptions{Journal: o.API.Journal, Log: o.Log}) })
	dead := r.deadLetters("ops", 2)
	r.store(given{source: "lab", typ: "t", deliveries: []journal.NewDelivery{to("mail")}})

	var status adminv1.GetStatusResponse
	r.ask("GetStatus", &adminv1.GetStatusRequest{}, &status)
	if status.GetHealth() != adminv1.Health_HEALTH_UNSPECIFIED || status.GetJournal().GetEvents() != 3 || status.GetJournal().GetLimitBytes() == 0 || status.GetGeneration().GetNumber() != 7 {
		t.Errorf("status %v", &status)
	}
	var plugins adminv1.ListPluginsResponse
	r.ask("ListPlugins", &adminv1.ListPluginsRequest{}, &plugins)
	if p := plugins.GetPlugins(); len(p) != 2 || p[0].GetName() != "mail" || p[0].GetPending() != 1 || p[0].GetState() != "unknown" || p[1].GetDead() != 2 || p[1].GetOldestDead() == nil {
		t.Errorf("plugins %v", p)
	}
	var event adminv1.GetEventResponse
	r.ask("GetEvent", &adminv1.GetEventRequest{Number: 1}, &event)
	if event.GetRules() != nil || len(event.GetDeliveries()) != 1 {
		t.Errorf("event %v", &event)
	}
	var events adminv1.ListEventsResponse
	r.ask("ListEvents", &adminv1.ListEventsRequest{}, &events)
	var deliveries adminv1.ListDeliveriesResponse
	r.ask("ListDeliveries", &adminv1.ListDeliveriesRequest{}, &deliveries)
	var count adminv1.RetryDeliveriesResponse
	r.ask("RetryDeliveries", &adminv1.RetryDeliveriesRequest{All: true, DryRun: true}, &count)
	if len(events.GetEvents()) != 3 || len(deliveries.GetDeliveries()) != 3 || count.GetRetried() != 2 {
		t.Errorf("%d events, %d deliveries, %d to retry", len(events.GetEvents()), len(deliveries.GetDeliveries()), count.GetRetried())
	}
	for method, body := range map[string]string{
		"ListEvents": `{"filter": {"match": "t"}}`, "ExplainEvent": `{"number": 1}`, "ReplayEvents": `{"number": 1}`,
		"RetryDeliveries": `{"all": true}`, "DropDeliveries": `{"filter": {"ids": ["` + dead[0].ID + `"]}}`, "Reload": `{}`,
		"RestartPlugin": `{"name": "ops"}`, "GetPluginLogs": `{"name": "ops"}`, "ListRooms": `{}`, "ListRoomMembers": `{"room": "r"}`,
		"CloseConnections": `{"room": "r"}`,
	} {
		r.refused(method, body, "failed_precondition", "the router is not running: start it with pointsman run")
	}
	if r.deadOf("ops") != 2 {
		t.Errorf("%d dead letters are left of 2", r.deadOf("ops"))
	}
}
