package mail

import (
	"fmt"
	"strings"
	"time"
)

// Error is a refusal with a reason. All other errors (connection, timeout, disk) may be temporary.
type Error struct {
	// Code is the server's reply code, 0 without a reply.
	Code int
	// Permanent: the server will not accept the same message later.
	Permanent bool
	// RetryAfter is how long to wait before the next attempt, 0 for no minimum. Not set with Permanent.
	RetryAfter time.Duration
	// Message is for people.
	Message string
}

func (e *Error) Error() string { return e.Message }

// PartialError means that the server accepted the mail for some recipients only.
type PartialError struct {
	// Accepted are the addresses that the server accepted in this attempt.
	Accepted []string
	// Refused are the others.
	Refused []Refusal
}

// Refusal is one address that the server refused.
type Refusal struct {
	Address string
	Err     *Error
}

// Permanent reports whether no refused address will be accepted later.
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
