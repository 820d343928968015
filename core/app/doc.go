// Package app joins the parts of the router and is the one place that starts and stops them, in order.
//
// Invariant: an event is acknowledged only after intake has it in the journal, complete with every delivery it causes.
package app
