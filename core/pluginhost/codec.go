package pluginhost

import (
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of pointsman.plugin.v1, checked against the generated types by a test. DeliverRequest and
// DeliverBatchRequest have the same form.
const (
	requestDeliveries = 1

	deliveryID        = 1
	deliveryAttempt   = 2
	deliveryTimeout   = 3
	deliveryEnvelope  = 4
	deliveryArguments = 5
	deliveryRule      = 6

	durationSeconds = 1
	durationNanos   = 2
)

// codec is gRPC's for protobuf, except that deliveries are encoded by hand: the envelope was encoded once when it was
// accepted, and its bytes are the field's bytes, so nothing is decoded and encoded again.
type codec struct{ encoding.CodecV2 }

// rawMessage is a message kept as its bytes.
type rawMessage []byte

func callCodec() grpc.CallOption {
	return grpc.ForceCodecV2(codec{encoding.GetCodecV2(grpcproto.Name)})
}

// Marshal encodes []Delivery as a request of deliveries, and everything else as gRPC does.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	ds, ok := v.([]Delivery)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	size := 0
	for i := range ds {
		size += sizeInRequest(&ds[i])
	}
	buf := buffers.Get(size)
	b := (*buf)[:0]
	for i := range ds {
		b = appendInRequest(b, &ds[i])
	}
	if len(b) != size {
		return nil, fmt.Errorf("encode deliveries: wrote %d bytes, computed %d", len(b), size)
	}
	return mem.BufferSlice{mem.NewBuffer(buf, buffers)}, nil
}

// buffers holds encoded requests until gRPC has written them. gRPC's own pool clears every buffer it hands out, a megabyte for
// an ordinary batch, which was a third of the router's CPU time for a delivery.
var buffers = &bufferPool{}

const (
	minBuffer = 4 << 10 // gRPC does not return smaller ones to the pool
	maxBuffer = 1 << 20 // larger ones are rare: not worth keeping
)

type bufferPool struct{ pool sync.Pool }

// Get returns a buffer of that length with whatever was in it before.
func (p *bufferPool) Get(length int) *[]byte {
	buf, ok := p.pool.Get().(*[]byte)
	if !ok || cap(*buf) < length {
		b := make([]byte, length, max(length, minBuffer))
		return &b
	}
	*buf = (*buf)[:length]
	return buf
}

// Put takes a buffer back.
func (p *bufferPool) Put(buf *[]byte) {
	if cap(*buf) <= maxBuffer {
		p.pool.Put(buf)
	}
}

// Unmarshal decodes as gRPC does, or copies the bytes of a *rawMessage.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if raw, ok := v.(*rawMessage); ok {
		*raw = data.Materialize()
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// sizeInRequest is how much d adds to the request that holds it.
func sizeInRequest(d *Delivery) int {
	return protowire.SizeTag(requestDeliveries) + protowire.SizeBytes(sizeDelivery(d))
}

// sizeDelivery returns the encoded size of a Delivery message.
func sizeDelivery(d *Delivery) int {
	n := sizeBytes(deliveryID, len(d.ID)) + sizeBytes(deliveryArguments, len(d.Arguments)) + sizeBytes(deliveryRule, len(d.Rule))
	if d.Attempt != 0 {
		n += protowire.SizeTag(deliveryAttempt) + protowire.SizeVarint(uint64(d.Attempt))
	}
	if d.Timeout > 0 {
		n += protowire.SizeTag(deliveryTimeout) + protowire.SizeBytes(sizeDuration(d))
	}
	return n + protowire.SizeTag(deliveryEnvelope) + protowire.SizeBytes(len(d.Envelope))
}

func sizeBytes(field protowire.Number, n int) int {
	if n == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// splitTimeout is Timeout as google.protobuf.Duration has it.
func splitTimeout(d *Delivery) (seconds, nanos uint64) {
	return uint64(d.Timeout / 1e9), uint64(d.Timeout % 1e9)
}

func sizeDuration(d *Delivery) int {
	seconds, nanos := splitTimeout(d)
	n := 0
	if seconds != 0 {
		n += protowire.SizeTag(durationSeconds) + protowire.SizeVarint(seconds)
	}
	if nanos != 0 {
		n += protowire.SizeTag(durationNanos) + protowire.SizeVarint(nanos)
	}
	return n
}

// appendInRequest appends a delivery as an element of a DeliverRequest.
func appendInRequest(b []byte, d *Delivery) []byte {
	b = protowire.AppendTag(b, requestDeliveries, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(sizeDelivery(d)))
	b = appendBytes(b, deliveryID, d.ID)
	if d.Attempt != 0 {
		b = protowire.AppendTag(b, deliveryAttempt, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(d.Attempt))
	}
	if d.Timeout > 0 {
		b = appendTimeout(b, d)
	}
	b = protowire.AppendTag(b, deliveryEnvelope, protowire.BytesType)
	b = protowire.AppendBytes(b, d.Envelope)
	b = appendBytes(b, deliveryArguments, d.Arguments)
	return appendBytes(b, deliveryRule, d.Rule)
}

func appendTimeout(b []byte, d *Delivery) []byte {
	b = protowire.AppendTag(b, deliveryTimeout, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(sizeDuration(d)))
	seconds, nanos := splitTimeout(d)
	if seconds != 0 {
		b = protowire.AppendTag(b, durationSeconds, protowire.VarintType)
		b = protowire.AppendVarint(b, seconds)
	}
	if nanos != 0 {
		b = protowire.AppendTag(b, durationNanos, protowire.VarintType)
		b = protowire.AppendVarint(b, nanos)
	}
	return b
}

func appendBytes[T string | []byte](b []byte, field protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(v)))
	return append(b, v...)
}
