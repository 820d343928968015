package main

import (
	"errors"
	"io"
	"testing"

	"github.com/pointsman/pointsman/core/app"
)

func TestDoctorExitCode(t *testing.T) {
	for _, tt := range []struct {
		levels []app.Level
		want   int
	}{
		{[]app.Level{app.LevelOK, app.LevelOK}, exitOK},
		{[]app.Level{app.LevelOK, app.LevelWarning}, exitFindings},
		{[]app.Level{app.LevelWarning, app.LevelProblem, app.LevelOK}, exitFailed},
	} {
		var findings []app.Finding
		for _, l := range tt.levels {
			findings = append(findings, app.Finding{Level: l})
		}
		err := verdict(findings)
		if got := exitCode(err, io.Discard); got != tt.want || err != nil && !errors.Is(err, errReported) {
			t.Errorf("%v: exit code %d, %v; want %d", tt.levels, got, err, tt.want)
		}
	}
}
