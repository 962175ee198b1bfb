package broker

import (
	"errors"
	"testing"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

func TestReaderHoldsNoMoreThanItsWindow(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	cfg.MaxPayload = 32 << 10
	l := openReplica(t, openBroker(t, cfg), 1)
	const last = 2000
	entries := made(1, last)
	for i := range entries {
		entries[i].Body = make([]byte, (i*37)%9000)
	}
	appendAll(t, l, AppendConfig{}, entries)
	const window = 512 << 10
	r, err := l.Read(deadline(t), 1, window)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	under := func() (bytes int, full bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		bytes = r.buffered
		for i := range r.pulls {
			bytes += r.pulls[i].left
		}
		return bytes, bytes+r.quota > window && r.buffered > window/2
	}
	for next := geo.Offset(1); next <= last; {
		// A slow caller: whatever the server may send has arrived by now.
		if next == 1 {
			await(t, func() bool { _, full := under(); return full })
		}
		got, err := r.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].Offset != next {
				t.Fatalf("offset %d, want %d", got[i].Offset, next)
			}
			next++
		}
		if n, _ := under(); n > window {
			t.Fatalf("%d bytes are under way in a window of %d", n, window)
		}
	}
}

func TestAMessageLargerThanTheWindowPasses(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	entries := made(1, 20)
	for i := range entries {
		entries[i].Body = make([]byte, 700<<10)
	}
	appendAll(t, l, AppendConfig{}, entries)
	r, err := l.Read(deadline(t), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.mu.Lock()
	r.quota = 10_000 // as if the server's limit had been lower
	r.mu.Unlock()
	for next := geo.Offset(1); next <= 20; {
		got, err := r.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		next += geo.Offset(len(got))
	}
}

func TestReadBeginsAnywhereUpToTheEnd(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	appendAll(t, l, AppendConfig{}, made(1, 50))
	sameEntries(t, readTo(t, l, 31, 50), made(31, 50))
	for _, from := range []geo.Offset{0, 52} {
		if _, err := l.Read(deadline(t), from, 1<<20); !errors.Is(err, ErrBeyondEnd) {
			t.Errorf("read from %d: %v", from, err)
		}
	}
	tail, err := l.Read(deadline(t), 51, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	appendAll(t, l, AppendConfig{Last: 50}, made(51, 51))
	if got, err := tail.Next(deadline(t)); err != nil || len(got) != 1 || got[0].Offset != 51 {
		t.Fatalf("got %d entries, %v", len(got), err)
	}
}

func TestReaderEndsWhenItsConsumerIsGone(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	appendAll(t, l, AppendConfig{}, made(1, 10))
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := 0
	for seen < 10 {
		got, err := r.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		seen += len(got)
	}
	if err := b.api.call(deadline(t), "CONSUMER.DELETE."+orders.Stream()+"."+r.consumer, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(deadline(t)); !errors.Is(err, ErrReader) {
		t.Fatalf("got %v", err)
	}
}

func TestReaderEndsWithTheServer(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	r, err := openReplica(t, b, 1).Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.Close()
	if _, err := r.Next(deadline(t)); !errors.Is(err, ErrReader) {
		t.Fatalf("got %v", err)
	}
}

// openedReader reads an empty log.
func openedReader(t *testing.T) *Reader {
	t.Helper()
	r, err := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1).Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestReaderNoticesWhatIsMissing(t *testing.T) {
	for name, replies := range map[string][]string{
		"a delivery is lost":   {"$JS.ACK.S.C.1.1.1.5.0", "$JS.ACK.S.C.1.3.3.5.0"},
		"a delivery repeats":   {"$JS.ACK.S.C.1.1.1.5.0", "$JS.ACK.S.C.1.1.1.5.0"},
		"offsets go backwards": {"$JS.ACK.S.C.1.7.1.5.0", "$JS.ACK.S.C.1.6.2.5.0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := openedReader(t)
			for i, reply := range replies {
				e := made(1, 1)[0]
				_, header, body := e.Stored(nil)
				r.pulls[i].on(&wire.Msg{Subject: e.Subject, Reply: []byte(reply), Header: header, Body: body})
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if !errors.Is(r.err, ErrReadGap) {
				t.Fatalf("got %v", r.err)
			}
		})
	}
}

func TestReaderNoticesSilence(t *testing.T) {
	r := openedReader(t)
	for range patience + 2 {
		r.mu.Lock()
		r.lastSigns = r.signs
		r.mu.Unlock()
		r.watch()
	}
	if _, err := r.Next(deadline(t)); !errors.Is(err, ErrSilent) {
		t.Fatalf("got %v", err)
	}
}

// TestReaderStopsAtWhatIsNoEntry: a message that was not written by an Appender
// ends the reading there, behind what came before.
func TestReaderStopsAtWhatIsNoEntry(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	appendAll(t, l, AppendConfig{}, made(1, 3))
	ingest, err := l.wayIn(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.publish(deadline(t), ingest+"orders.x", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []entry.Entry
	for err == nil {
		var entries []entry.Entry
		entries, err = r.Next(deadline(t))
		for i := range entries {
			got = append(got, entries[i].Clone())
		}
	}
	if !errors.Is(err, entry.ErrStored) {
		t.Fatalf("got %v", err)
	}
	sameEntries(t, got, made(1, 3))
}

func TestDeliveries(t *testing.T) {
	for subject, want := range map[string]delivery{
		"$JS.ACK.ORDERS@us-east.C.1.17.3.1700000000000000000.9":             {17, 3, 1700000000000000000, 9},
		"$JS.ACK.hub.ACCHASH.ORDERS@us-east.C.1.17.3.1700000000000000000.0": {17, 3, 1700000000000000000, 0},
		"$JS.ACK._.ACCHASH.S.C.2.18.4.5.6.random":                           {18, 4, 5, 6},
	} {
		if got, ok := parseDelivery([]byte(subject)); !ok || got != want {
			t.Errorf("%s gives %+v, %v", subject, got, ok)
		}
	}
	for _, subject := range []string{"", "$JS.ACK.", "$JS.ACK.S.C.1.17.3.5", "$JS.ACK.S.C.1.x.3.5.6", "$JS.ACK.S.C.1.0.3.5.6",
		"$JS.ACK.S.C.1.17.3.5.6.7", "$JS.FC.S.C.1.17.3.5.6", "$JS.ACK.S.C.1.17.3.99999999999999999999.6"} {
		if got, ok := parseDelivery([]byte(subject)); ok {
			t.Errorf("%q was taken for %+v", subject, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { parseDelivery([]byte("$JS.ACK.S.C.1.17.3.5.6")) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDelivery(f *testing.F) {
	f.Add([]byte("$JS.ACK.ORDERS@us-east.C.1.17.3.1700000000000000000.9"))
	f.Add([]byte("$JS.ACK._.ACCHASH.S.C.2.18.4.5.6.random"))
	f.Add([]byte("$JS.ACK........."))
	f.Fuzz(func(t *testing.T, subject []byte) {
		if d, ok := parseDelivery(subject); ok && (d.stream == 0 || d.consumer == 0 || d.time < 0) {
			t.Fatalf("impossible %+v", d)
		}
	})
}
