package pluginhost

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

func testCodec() codec { return codec{encoding.GetCodecV2(grpcproto.Name)} }

func encode(tb testing.TB, ds []Delivery) []byte {
	tb.Helper()
	data, err := testCodec().Marshal(ds)
	if err != nil {
		tb.Fatal(err)
	}
	defer data.Free()
	return data.Materialize()
}

// TestDeliveriesOnTheWire compares the encoding by hand with the generated types, in both directions.
func TestDeliveriesOnTheWire(t *testing.T) {
	env := &pointsmanv1.Envelope{Id: "e-1", Source: "lab", Type: "t"}
	envBytes, err := proto.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	full := Delivery{ID: "j-1", Attempt: 300, Timeout: 90*time.Second + 5, Envelope: envBytes, Arguments: []byte(`{"a":1}`), Rule: "r"}
	fullMsg := &pluginv1.Delivery{
		Id: "j-1", Attempt: 300, Timeout: durationpb.New(90*time.Second + 5), Envelope: env, Arguments: []byte(`{"a":1}`), Rule: "r",
	}
	tests := []struct {
		name string
		in   []Delivery
		want []*pluginv1.Delivery
	}{
		{"none", nil, nil},
		{"full", []Delivery{full}, []*pluginv1.Delivery{fullMsg}},
		{"empty", []Delivery{{}}, []*pluginv1.Delivery{{Envelope: &pointsmanv1.Envelope{}}}},
		{"whole seconds", []Delivery{{Timeout: time.Minute}}, []*pluginv1.Delivery{{Timeout: durationpb.New(time.Minute), Envelope: &pointsmanv1.Envelope{}}}},
		{"less than a second", []Delivery{{Timeout: time.Millisecond}}, []*pluginv1.Delivery{{Timeout: durationpb.New(time.Millisecond), Envelope: &pointsmanv1.Envelope{}}}},
		{"three", []Delivery{full, {}, full}, []*pluginv1.Delivery{fullMsg, {Envelope: &pointsmanv1.Envelope{}}, fullMsg}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := encode(t, tt.in)
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pluginv1.DeliverRequest{Deliveries: tt.want})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("bytes (-generated +ours):\n%s", diff)
			}
			for _, into := range []interface {
				proto.Message
				GetDeliveries() []*pluginv1.Delivery
			}{new(pluginv1.DeliverRequest), new(pluginv1.DeliverBatchRequest)} {
				if err := proto.Unmarshal(got, into); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, into.GetDeliveries(), protocmp.Transform()); diff != "" {
					t.Errorf("decoded (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestFieldNumbers fails when a field is added to Delivery or renumbered, so that the encoding by hand is not forgotten.
func TestFieldNumbers(t *testing.T) {
	want := map[protoreflect.Name]protowire.Number{
		"id": deliveryID, "attempt": deliveryAttempt, "timeout": deliveryTimeout, "envelope": deliveryEnvelope,
		"arguments": deliveryArguments, "rule": deliveryRule,
	}
	if diff := cmp.Diff(want, fieldNumbers(new(pluginv1.Delivery))); diff != "" {
		t.Errorf("fields of Delivery (-ours +generated):\n%s", diff)
	}
	for _, m := range []proto.Message{new(pluginv1.DeliverRequest), new(pluginv1.DeliverBatchRequest)} {
		if diff := cmp.Diff(map[protoreflect.Name]protowire.Number{"deliveries": requestDeliveries}, fieldNumbers(m)); diff != "" {
			t.Errorf("fields of %T (-ours +generated):\n%s", m, diff)
		}
	}
	if diff := cmp.Diff(map[protoreflect.Name]protowire.Number{"seconds": durationSeconds, "nanos": durationNanos}, fieldNumbers(new(durationpb.Duration))); diff != "" {
		t.Errorf("fields of Duration (-ours +generated):\n%s", diff)
	}
}

func fieldNumbers(m proto.Message) map[protoreflect.Name]protowire.Number {
	got := map[protoreflect.Name]protowire.Number{}
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		got[fields.Get(i).Name()] = fields.Get(i).Number()
	}
	return got
}

func TestBatchLen(t *testing.T) {
	of := func(sizes ...int) (ds []Delivery) {
		for _, n := range sizes {
			ds = append(ds, Delivery{Envelope: make([]byte, n)})
		}
		return ds
	}
	const k = 1 << 10
	tests := []struct {
		name  string
		ds    []Delivery
		limit int
		want  int
	}{
		{"few", of(1, 1, 1), 64, 3},
		{"exactly the limit", of(1, 1, 1), 3, 3},
		{"more than the limit", of(1, 1, 1), 2, 2},
		{"one too large goes alone", of(300*k, 1), 64, 1},
		{"large ones part", of(100*k, 100*k, 100*k), 64, 2},
		{"a large one waits", of(1, 300*k), 64, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := batchLen(tt.ds, tt.limit); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestParseStdio(t *testing.T) {
	msg := protowire.AppendTag(nil, stdioChannel, protowire.VarintType)
	msg = protowire.AppendVarint(msg, stdioStdout)
	msg = protowire.AppendTag(msg, 9, protowire.Fixed32Type) // of a later version
	msg = protowire.AppendFixed32(msg, 7)
	msg = protowire.AppendTag(msg, stdioData, protowire.BytesType)
	msg = protowire.AppendBytes(msg, []byte("hello"))
	channel, data := parseStdio(msg)
	if channel != stdioStdout || string(data) != "hello" {
		t.Errorf("got %d %q", channel, data)
	}
}

func FuzzParseStdio(f *testing.F) {
	f.Add([]byte("\x08\x01\x12\x05hello"))
	f.Add([]byte("\x08\x02\x12\xff\xff\xff\xff\x0f"))
	f.Add([]byte{0x0b, 0x0b, 0x0c})
	f.Fuzz(func(t *testing.T, msg []byte) {
		if _, data := parseStdio(msg); len(data) > len(msg) {
			t.Errorf("%d bytes out of %d", len(data), len(msg))
		}
	})
}

func FuzzParseHello(f *testing.F) {
	f.Add([]byte("1|1|unix|/run/x/plugin1|grpc|"), false)
	f.Add([]byte("1|1|unix|/run/x/plugin1|grpc|AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), true)
	f.Add([]byte("1|2|tcp|127.0.0.1:1|netrpc|"), false)
	f.Add([]byte("Usage: foo"), false)
	f.Fuzz(func(t *testing.T, line []byte, tls bool) {
		err := parseHello(line, tls, "/run/x")
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}

func FuzzLogLine(f *testing.F) {
	f.Add([]byte(`{"@level":"info","@message":"hi","@timestamp":"2026-01-01T00:00:00.000000Z","k":1}`))
	f.Add([]byte(`{"@message":1,"@level":[]}`))
	f.Add([]byte(`[ERROR] x`))
	f.Add([]byte("panic: x"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var log logBuffer
		o := newOutputLog(log.logger(), new(history))
		o.stderrLine(line, false)
		o.stdoutLine(line, true)
		_ = o.tail.excerpt()
	})
}
