package pluginhost

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// The log of a plugin spans its processes: what the first one wrote is there after the third has started.
func TestLogsSpanRestarts(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	for _, rule := range []string{"log", "print"} {
		if _, err := r.deliver(s, rule); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "everything was read", func() bool {
		return strings.Contains(r.plugin.Logs(), "complained by accident") && strings.Contains(r.plugin.Logs(), "printed by accident")
	})
	first := r.plugin.Status().Pid
	_ = r.mustLose(s, "fallen")
	eventually(t, "the second process is ready", func() bool { return r.plugin.State() == Ready })
	second := r.plugin.Status().Pid

	if panicText := r.plugin.LastPanic(); !strings.HasPrefix(panicText, "panic: fell over\n") || !strings.Contains(panicText, "testservice_test.go:") {
		t.Errorf("last panic is %q", panicText)
	}
	r.plugin.RestartNow()
	eventually(t, "the third process is ready", func() bool { return r.plugin.State() == Ready && r.plugin.Status().Pid != second })
	third := r.plugin.Status().Pid
	if !strings.HasPrefix(r.plugin.LastPanic(), "panic: fell over\n") {
		t.Errorf("a restart by an operator forgets the panic: %q", r.plugin.LastPanic())
	}
	if n := r.plugin.Status().Restarts; n != 1 {
		t.Errorf("%d restarts, want the crash alone", n)
	}

	const at = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	mark := func(pid int) string { return fmt.Sprintf(`(?m:^--- process %d started %s ---$)`, pid, at) }
	want := mark(first) + `(?s:.*)` + at + ` WARN something is odd host=example.org n=5 plugin_plugin=other` + "\n" +
		`(?s:.*)` + "\npanic: fell over\n" + `(?s:.*)` + mark(second) + `(?s:.*)` + mark(third)
	if got := r.plugin.Logs(); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("log does not match %s:\n%s", want, got)
	}
}

// A crash without a panic, such as that of a process that somebody killed, is not explained by an older panic.
func TestLastPanicIsOfTheLastCrash(t *testing.T) {
	r := newRig(t, "ok").ready()
	_ = r.mustLose(r.session(), "fallen")
	eventually(t, "the second process is ready", func() bool { return r.plugin.State() == Ready })
	second := r.plugin.Status().Pid
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the third process is ready", func() bool { return r.plugin.State() == Ready && r.plugin.Status().Pid != second })
	if got := r.plugin.LastPanic(); got != "" {
		t.Errorf("last panic is %q", got)
	}
}

// A plugin that panics while it is configured never becomes ready, and its panic is kept all the same.
func TestLastPanicOfAStart(t *testing.T) {
	r := newRig(t, "ok")
	r.spec.Settings = []byte(`{"panic":"no soup"}`)
	r.run()
	<-r.done
	if got := r.plugin.LastPanic(); !strings.HasPrefix(got, "panic: no soup\n") {
		t.Errorf("last panic is %q", got)
	}
}

func TestLogsAreBounded(t *testing.T) {
	r := newRig(t, "ok").ready()
	s := r.session()
	for _, rule := range []string{"spam", "chatter", "chatter"} {
		if _, err := r.deliver(s, rule); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	got := r.plugin.Logs()
	if len(got) > maxTail || len(got) < maxTail-100 {
		t.Errorf("the log has %d bytes", len(got))
	}
	if line, _, _ := strings.Cut(got, "\n"); line != "and so on" {
		t.Errorf("the log begins with %.80q, which is no whole line", line)
	}
}

func TestHistoryIsReadable(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", nil, ""},
		{"plain", []string{"a", "", "b"}, "a\n\nb\n"},
		{
			"records",
			[]string{
				`{"@level":"debug","@message":"m","@timestamp":"2026-11-27T06:00:00.123456+01:00","a":1,"b":"x y"}`,
				`{"level":"ERROR","msg":"n","time":"2026-11-27T05:00:01Z"}`, `{"@level":"trace","@message":"o","@timestamp":"2026-11-27T05:00:02Z"}`,
			},
			"2026-11-27T05:00:00Z DEBUG m a=1 b=x y\n2026-11-27T05:00:01Z ERROR n\n2026-11-27T05:00:02Z TRACE o\n",
		},
		{"other JSON", []string{`{"@message":1}`}, `{"@message":1}` + "\n"},
		{"terminal", []string{"\x1b[31mred\x07\t\u202egnol\xff"}, "?[31mred?\t?gnol?\n"},
		{"too long a line", []string{long}, long[1:] + "\n"},
		{"a whole line after a long one", []string{long, "b"}, "b\n"},
		{"cut in a character", []string{strings.Repeat("é", maxLine)}, "?" + strings.Repeat("é", maxTail/2-1) + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h history
			for _, l := range tt.lines {
				h.lines.add([]byte(l))
			}
			if got := h.text(); got != tt.want {
				t.Errorf("text is %.300q (%d bytes), want %.300q (%d)", got, len(got), tt.want, len(tt.want))
			}
			if got := h.text(); !utf8.ValidString(got) || len(got) > maxTail {
				t.Errorf("%d bytes, or not UTF-8", len(got))
			}
		})
	}
}

func TestPanicIsBounded(t *testing.T) {
	var log logBuffer
	var h history
	o := newOutputLog(log.logger(), &h)
	o.stderrLine([]byte("panic: an older one that somebody recovered from"), false)
	o.stderrLine([]byte("fatal error: all goroutines are asleep"), false)
	for range 1000 {
		o.stderrLine([]byte("goroutine 1 [running]: main.main() of some length"), false)
	}
	o.crashed()
	got := h.panicText()
	if len(got) > maxPanic || len(got) < maxPanic-100 || !strings.HasPrefix(got, "fatal error: all goroutines are asleep\ngoroutine 1") {
		t.Errorf("%d bytes: %.100q", len(got), got)
	}
}
