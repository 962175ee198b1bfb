package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
	"geomq/geo/entry"
)

var (
	secret = []byte("a secret of the tests")
	orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
)

func testConfig(t testing.TB, region string) Config {
	t.Helper()
	return Config{Name: region + "-1", Cluster: region, Data: t.TempDir(), Listen: "127.0.0.1:0", Secret: secret}
}

func openBroker(t testing.TB, cfg Config) *Broker {
	t.Helper()
	b, err := Open(deadline(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// deadline is a context that no step of a test should outlive.
func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func openOrigin(t testing.TB, b *Broker) *CommitLog {
	t.Helper()
	l, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func openReplica(t testing.TB, b *Broker, first geo.Offset) *CommitLog {
	t.Helper()
	l, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: orders, First: first})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func connect(t testing.TB, b *Broker, opts ...nats.Option) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(b.URL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// made returns entries first to last whose content follows from the offset.
func made(first, last geo.Offset) []entry.Entry {
	var entries []entry.Entry
	for o := first; o <= last; o++ {
		entries = append(entries, entry.Entry{
			Offset: o, Time: 1_700_000_000_000_000_000 + int64(o),
			Subject: fmt.Appendf(nil, "orders.created.%d", o%7),
			Header:  fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: id-%d\r\n\r\n", o/2),
			Body:    fmt.Appendf(nil, "body of %d", o),
		})
	}
	return entries
}

// readTo collects clones of everything from an offset to another.
func readTo(t testing.TB, l *CommitLog, from, to geo.Offset) []entry.Entry {
	t.Helper()
	r, err := l.Read(deadline(t), from, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []entry.Entry
	for len(got) == 0 || got[len(got)-1].Offset < to {
		entries, err := r.Next(deadline(t))
		if err != nil {
			t.Fatalf("after %d entries: %v", len(got), err)
		}
		for i := range entries {
			got = append(got, entries[i].Clone())
		}
	}
	return got
}

func sameEntries(t testing.TB, got, want []entry.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	var h entry.Hasher
	for i := range got {
		if h.Entry(&got[i]) != h.Entry(&want[i]) {
			t.Fatalf("entry %d is\n%+v, want\n%+v", i, printable(got[i]), printable(want[i]))
		}
	}
}

func printable(e entry.Entry) string {
	return fmt.Sprintf("%d at %d %q header %.300q body %.100q (%d bytes)", e.Offset, e.Time, e.Subject, e.Header, e.Body, len(e.Body))
}

func appendAll(t testing.TB, l *CommitLog, cfg AppendConfig, entries []entry.Entry) {
	t.Helper()
	a, err := l.Appender(deadline(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Append(deadline(t), entries, true); err != nil {
		t.Fatal(err)
	}
	if err := a.Settle(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func extentOf(t testing.TB, l *CommitLog) geo.Extent {
	t.Helper()
	e, err := l.Extent(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
