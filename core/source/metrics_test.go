package source

import (
	"testing"

	dto "github.com/prometheus/client_model/go"
)

func TestKindChoosesStatus(t *testing.T) {
	f := newFixture(t, &store{}, func(o *WebhookOptions) { o.Success = 200 })
	for _, tt := range []struct {
		body, key string
		want      int
	}{{"known", "good", 200}, {"?", "good", 200}, {"-", "good", 403}, {"known", "bad", 401}} {
		if w := f.post(tt.body, "Key", tt.key); w.Code != tt.want {
			t.Errorf("%s, %s key: %d, want %d", tt.body, tt.key, w.Code, tt.want)
		}
	}
	got := series(t, f.reg)
	for _, name := range []string{"code=200,reason=accepted", "code=200,reason=quarantined", "code=403,reason=forbidden", "code=401,reason=unauthorized"} {
		if got["pointsman_source_requests_total{"+name+",source=test}"] != 1 {
			t.Errorf("%s is not counted: %v", name, got)
		}
	}
}

// Every series exists before the first request, so that rate() is correct from the first event.
func TestMetricsStartAtZero(t *testing.T) {
	f := newFixture(t, &store{})
	before, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count := func(families []*dto.MetricFamily) (n int) {
		for _, family := range families {
			n += len(family.GetMetric())
		}
		return n
	}
	f.post("known")
	f.post("unheard of")
	f.post("?")
	f.post("known", "Key", "bad")
	after, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if count(before) != count(after) || count(before) == 0 {
		t.Errorf("%d series before, %d after", count(before), count(after))
	}
}
