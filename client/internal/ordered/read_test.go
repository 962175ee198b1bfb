package ordered

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
)

const stream = "ORDERS@us-east"

// broker starts a NATS server with a log of n entries.
func broker(t *testing.T, n int) jetstream.JetStream {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := js.Publish(t.Context(), "orders.x", fmt.Append(nil, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	return js
}

func remove(t *testing.T, js jetstream.JetStream, offsets ...uint64) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offsets {
		if err := s.DeleteMsg(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadEndsAtItsEndWhateverIsLeftThere(t *testing.T) {
	js := broker(t, 10)
	remove(t, js, 2, 9, 10)
	for _, c := range []struct {
		start, until geo.Offset
		want         string
	}{
		{0, 5, "[1 3 4 5]"}, {4, 8, "[4 5 6 7 8]"}, {7, 10, "[7 8]"}, {9, 10, "[]"}, {2, 2, "[]"}, {6, 5, "[]"}, {11, 20, "[]"},
	} {
		got := []geo.Offset{}
		err := Read(t.Context(), js, Config{Stream: stream, Start: c.start, Until: c.until}, func(m Message) error {
			if string(m.Data()) != fmt.Sprint(m.Offset) || m.Stored.IsZero() {
				t.Errorf("offset %d holds %q of %s", m.Offset, m.Data(), m.Stored)
			}
			got = append(got, m.Offset)
			return nil
		})
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%d to %d: %v, %v", c.start, c.until, got, err)
		}
	}
}

// nats.go mends most breaks itself; where it gives up, the next consumer begins
// where the last one ended.
func TestTheNextAttemptBeginsBehindTheLastDelivery(t *testing.T) {
	js := broker(t, 6)
	cfg := Config{Stream: stream, Until: 6, Batch: 10}
	var got []geo.Offset
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		err := attempt(ctx, js, &cfg, func(m Message) error {
			if got = append(got, m.Offset); m.Offset == 3 {
				cancel()
			}
			return nil
		})
		cancel()
		// What was delivered already may still come before the end is noticed.
		if !errors.Is(err, context.Canceled) && !errors.Is(err, errDone) {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[1 2 3 4 5 6]" {
		t.Fatalf("read %v", got)
	}
}

func TestWhatEndsARead(t *testing.T) {
	js := broker(t, 3)
	own := errors.New("enough")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		cfg  Config
		want error
	}{
		"the caller":  {t.Context(), Config{Stream: stream}, own},
		"the context": {ended, Config{Stream: stream}, context.Canceled},
		"no stream":   {t.Context(), Config{Stream: "NONE@us-east"}, ErrGone},
	} {
		if err := Read(c.ctx, js, c.cfg, func(Message) error { return own }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
