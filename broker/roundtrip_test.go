package broker

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

// Both ways of writing a replica are held to the same tests.
var writers = map[string]way{"chains": chained, "batches": batched, "single entries": single}

// as makes a log one that is written in way w; AppendConfig.Plain does the rest.
func (l *CommitLog) as(w way) *CommitLog {
	l.chains = l.chains && w == chained
	return l
}

func TestReplicaGivesBackWhatWasAppended(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1).as(w)
			want := made(1, 3000)
			var applied []geo.Offset
			appendAll(t, l, AppendConfig{Plain: w == single, OnApplied: func(o geo.Offset) { applied = append(applied, o) }}, want)
			sameEntries(t, readTo(t, l, 1, 3000), want)
			for i := 1; i < len(applied); i++ {
				if applied[i] <= applied[i-1] {
					t.Fatalf("applied offsets went from %d to %d", applied[i-1], applied[i])
				}
			}
			if applied[len(applied)-1] != 3000 {
				t.Fatalf("last applied offset is %d", applied[len(applied)-1])
			}
		})
	}
}

// strangeHeaders are blocks that JetStream would act on or refuse, or that a
// parser would tidy up.
func strangeHeaders() [][]byte {
	var blocks [][]byte
	for _, line := range []string{
		"Nats-Msg-Id: one", "Nats-Msg-Id: one", "nats-msg-id: one", "NATS-TTL: 5", "Nats-TTL: 1s", "Nats-Rollup: all",
		"Nats-Rollup: sub", "Nats-Expected-Last-Sequence: 77", "Nats-Expected-Stream: OTHER", "Nats-Expected-Last-Msg-Id: x",
		"Nats-Expected-Last-Subject-Sequence: 12", "Nats-Schedule: @at 2030-01-01T00:00:00Z", "Nats-Schedule-Target: a.b",
		"Nats-Schedule-Next: purge", "Nats-Scheduler: s", "Nats-Stream-Source: S 1 > >", "Nats-Incr: +1", "Nats-Batch-Id: b",
		"Nats-Batch-Sequence: 1", "Nats-Batch-Commit: 1", "Nats-Required-Api-Level: 99", "Nats-Request-Info: {}",
		"Nats-Trace-Dest: geomq.trace", "Nats-Marker-Reason: MaxAge", "Geomq-Time: 1", "Geomq-Form: enveloped",
		"Gq-Nats-Msg-Id: twice", "Zebra: 1\r\nAlpha: 2\r\nzebra: 3\r\nZebra:4", "Empty:", "Spaces:   around   ", "Colon: a:b:c", "Umlaut: äöü",
	} {
		blocks = append(blocks, []byte("NATS/1.0\r\n"+line+"\r\n\r\n"))
	}
	long := "NATS/1.0\r\n" + strings.Repeat("Nats-A: b\r\n", 5000) + "\r\n"
	return append(blocks, nil, []byte(long), []byte("NATS/1.0 503\r\n\r\n"))
}

func strangeEntries(most int) []entry.Entry {
	random := rand.New(rand.NewPCG(1, 2))
	binary := make([]byte, most)
	for i := range binary {
		binary[i] = byte(random.Uint32())
	}
	bodies := [][]byte{nil, {0}, []byte("\r\n"), []byte("+OK\r\nMSG a 1 5\r\nhello"), binary[:4096]}
	var entries []entry.Entry
	add := func(header, body []byte) {
		o := geo.Offset(len(entries) + 1)
		entries = append(entries, entry.Entry{Offset: o, Time: int64(o), Subject: []byte("orders.a"), Header: header, Body: body})
	}
	for _, header := range strangeHeaders() {
		for _, body := range bodies {
			add(header, body)
		}
	}
	add(nil, binary)
	header := []byte("NATS/1.0\r\nNats-Msg-Id: large\r\n\r\n")
	add(header, binary[:most-len(header)])
	entries[3].Subject = []byte("orders." + strings.Repeat("x.", 1000) + "y")
	return entries
}

func TestReplicaKeepsWhateverAProducerMaySend(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			b := openBroker(t, testConfig(t, "eu-west"))
			l := openReplica(t, b, 1).as(w)
			want := strangeEntries(int(b.MaxPayload()) - Reserve)
			appendAll(t, l, AppendConfig{Plain: w == single}, want)
			sameEntries(t, readTo(t, l, 1, geo.Offset(len(want))), want)
		})
	}
}

// TestOriginAndReplicaMeanTheSame publishes byte by byte what a producer's
// client might send, and copies it.
func TestOriginAndReplicaMeanTheSame(t *testing.T) {
	origin := openOrigin(t, openBroker(t, testConfig(t, "us-east")))
	replica := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	conn, err := wire.Dial(deadline(t), wire.Config{URL: origin.broker.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, e := range strangeEntries(int(origin.broker.MaxPayload()) - Reserve) {
		if err := conn.PublishParts(wire.Pub{Subject: e.Subject, Header: e.Header, Body: e.Body}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return conn.Ping(deadline(t)) == nil })
	// What JetStream refuses at the origin never becomes an entry.
	last := stable(t, origin)
	if last < 50 {
		t.Fatalf("the origin took %d entries only", last)
	}
	want := readTo(t, origin, 1, last)
	for i, e := range want {
		if e.Offset != geo.Offset(i+1) || e.Time == 0 || bytes.Contains(e.Header, []byte("Gq-Gq-")) {
			t.Fatalf("entry %d is %s", i, printable(e))
		}
	}
	appendAll(t, replica, AppendConfig{}, want)
	sameEntries(t, readTo(t, replica, 1, last), want)
}

// stable waits for the end of what is being stored: a message published behind
// it that is acknowledged.
func stable(t *testing.T, l *CommitLog) geo.Offset {
	t.Helper()
	c := connect(t, l.broker)
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish("orders.end", nil)
	if err != nil {
		t.Fatal(err)
	}
	return geo.Offset(ack.Sequence)
}

// await repeats a check until it holds.
func await(t testing.TB, holds func() bool) {
	t.Helper()
	for ctx := deadline(t); !holds(); {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestLiveEntriesArriveAtOnce(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	js, err := connect(t, b).JetStream()
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if entries, err := r.TryNext(); len(entries) > 0 || err != nil {
		t.Fatalf("an empty log gave %d entries, %v", len(entries), err)
	}
	least := time.Hour
	for i := range 50 {
		begin := time.Now()
		if _, err := js.Publish("orders.a", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		entries, err := r.Next(deadline(t))
		if err != nil || len(entries) != 1 || string(entries[0].Body) != fmt.Sprint(i) {
			t.Fatalf("got %d entries, %v", len(entries), err)
		}
		least = min(least, time.Since(begin))
	}
	t.Logf("the quickest of 50 took %v from publishing to reading", least)
	if least > 50*time.Millisecond {
		t.Fatalf("even the quickest of 50 took %v", least)
	}
}

func TestNextObeysItsContext(t *testing.T) {
	l := openOrigin(t, openBroker(t, testConfig(t, "us-east")))
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Next(ctx); err != context.Canceled {
		t.Fatalf("got %v", err)
	}
}
