package pluginhost

import "time"

// Delivery is one attempt to deliver. Envelope is an encoded pointsman.v1.Envelope and is sent as it is.
type Delivery struct {
	ID                  string
	Attempt             uint32
	Timeout             time.Duration
	Envelope, Arguments []byte
	Rule                string
}
