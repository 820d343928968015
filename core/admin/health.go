package admin

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

// Check is one condition of readiness.
type Check struct {
	Name string
	// Probe returns nil while the condition holds. It must answer at once and may be called concurrently.
	Probe func() error
	// Informative checks are shown by ?verbose and do not make the router unready.
	Informative bool
}

// Health answers the probes of whoever supervises the process. The zero value is alive, not started and not ready.
type Health struct {
	started, draining atomic.Bool
	checks            atomic.Pointer[func() []Check]
}

// Started ends start-up. From here on checks, which is called for each probe, decides about readiness.
func (h *Health) Started(checks func() []Check) {
	h.checks.Store(&checks)
	h.started.Store(true)
}

// Drain makes the router unready for good: it is about to stop.
func (h *Health) Drain() { h.draining.Store(true) }

// condition is the outcome of one check as /readyz?verbose shows it.
type condition struct {
	Name        string `json:"name"`
	OK          bool   `json:"ok"`
	Informative bool   `json:"informative,omitempty"`
	Error       string `json:"error,omitempty"`
}

// readiness is the answer of /readyz?verbose.
type readiness struct {
	Ready      bool        `json:"ready"`
	Conditions []condition `json:"conditions"`
}

func (h *Health) readiness() readiness {
	started, draining := h.started.Load(), h.draining.Load()
	r := readiness{Ready: started && !draining, Conditions: []condition{
		{Name: "started", OK: started},
		{Name: "not_draining", OK: !draining},
	}}
	checks := h.checks.Load()
	if checks == nil {
		return r
	}
	for _, c := range (*checks)() {
		got := condition{Name: c.Name, OK: true, Informative: c.Informative}
		if err := c.Probe(); err != nil {
			got.OK, got.Error = false, err.Error()
			r.Ready = r.Ready && c.Informative
		}
		r.Conditions = append(r.Conditions, got)
	}
	return r
}

func (h *Health) serveLive(w http.ResponseWriter, _ *http.Request) { answer(w, true) }

func (h *Health) serveStartup(w http.ResponseWriter, _ *http.Request) { answer(w, h.started.Load()) }

func (h *Health) serveReady(w http.ResponseWriter, r *http.Request) {
	got := h.readiness()
	if _, verbose := r.URL.Query()["verbose"]; !verbose {
		answer(w, got.Ready)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status(got.Ready))
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(got) // The peer is gone when this fails.
}

func answer(w http.ResponseWriter, ok bool) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status(ok))
	text := "ok\n"
	if !ok {
		text = "not ok\n"
	}
	_, _ = w.Write([]byte(text)) // The peer is gone when this fails.
}

func status(ok bool) int {
	if ok {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}
