package main

import (
	"errors"
	"fmt"
	"io"
)

// Exit codes of every command.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
	exitAuth        = 5
	exitFindings    = 6
)

const exitCodesHelp = `Exit codes:
  0  ok
  1  failed, or the configuration is invalid
  2  the command line is wrong; of plan: a delivery would change
  3  not found
  4  the router cannot be reached
  5  the router refused the credentials
  6  something was found that needs attention (status, doctor, fmt --check, dead list --fail-if-any)`

// exitError is an error with its own exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errReported ends a command that has already written its messages.
var errReported = errors.New("already reported")

// exitCode writes err to w, unless it is errReported, and returns the exit code of the process.
func exitCode(err error, w io.Writer) int {
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(w, "Error: %v\n", err)
	}
	if coded, ok := errors.AsType[*exitError](err); ok {
		return coded.code
	}
	return exitFailed
}

// usageError marks a mistake in the command line.
func usageError(err error) error { return &exitError{code: exitUsage, err: err} }
