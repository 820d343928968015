package mail

import (
	"fmt"
	"strings"
	"time"
)

// Error is a refusal that has a reason of its own. All other errors (connection, time, disk) may pass by themselves.
type Error struct {
	// Code is the server's reply code, 0 when nobody was asked.
	Code int
	// Permanent: the same message will not be taken later.
	Permanent bool
	// RetryAfter is how long to wait before the next attempt, 0 when any time will do. Only with Permanent unset.
	RetryAfter time.Duration
	// Message is for people.
	Message string
}

func (e *Error) Error() string { return e.Message }

// PartialError says that the mail went out, but not to everybody.
type PartialError struct {
	// Accepted are the addresses that this attempt sent to.
	Accepted []string
	// Refused are the others.
	Refused []Refusal
}

// Refusal is one address that the server did not take.
type Refusal struct {
	Address string
	Err     *Error
}

// Permanent tells that none of the refused addresses will be taken later.
func (e *PartialError) Permanent() bool { return permanent(e.Refused) }

func (e *PartialError) Error() string {
	return fmt.Sprintf("sent to %s, but %s", strings.Join(e.Accepted, ", "), describe(e.Refused))
}

func permanent(refused []Refusal) bool {
	for _, r := range refused {
		if !r.Err.Permanent {
			return false
		}
	}
	return true
}

func describe(refused []Refusal) string {
	var texts []string
	for _, r := range refused {
		texts = append(texts, r.Err.Message)
	}
	return strings.Join(texts, "; ")
}
