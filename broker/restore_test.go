package broker

import (
	"errors"
	"fmt"
	"testing"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

// produce publishes entries byte by byte as a producer's client would.
func produce(t testing.TB, l *CommitLog, entries []entry.Entry) {
	t.Helper()
	conn, err := wire.Dial(deadline(t), wire.Config{URL: l.broker.LocalURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := extentOf(t, l).Last
	for _, e := range entries {
		if err := conn.PublishParts(wire.Pub{Subject: e.Subject, Header: e.Header, Body: e.Body}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return extentOf(t, l).Last == before+geo.Offset(len(entries)) })
}

// unkeyed is made without headers: a log drops what repeats a message id.
func unkeyed(first, last geo.Offset) []entry.Entry {
	entries := made(first, last)
	for i := range entries {
		entries[i].Header = nil
	}
	return entries
}

// forged returns what a producer sends who knows how replicas store entries: the
// same bytes that an Appender would write.
func forged(e entry.Entry) entry.Entry {
	subject, header, body := e.Stored(nil)
	return entry.Entry{Offset: e.Offset, Subject: subject, Header: header, Body: body}
}

// bare is entries without what the log adds, so that they can be compared before
// the origin's time is known.
func bare(entries []entry.Entry) []entry.Entry {
	for i := range entries {
		entries[i].Time = 0
	}
	return entries
}

// TestWhatWasPulledBackReadsLikeBefore: an origin lost its tail, gets it back from
// a replica, goes on; a producer imitates the form of what was pulled back. Every
// offset must show the entry that was there before, also to a reader that was
// open all the time.
func TestWhatWasPulledBackReadsLikeBefore(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	l := openOrigin(t, b)
	topics := []geo.Topic{"orders.>"}
	raw := made(1, 20)
	for i := range raw {
		raw[i].Header = fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: raw-%d\r\n\r\n", i)
	}
	raw[19] = forged(raw[19])
	produce(t, l, raw)
	open, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	end, err := l.Fence(deadline(t))
	if err != nil || end != 20 {
		t.Fatalf("got %d, %v", end, err)
	}
	if err := l.BeginRestore(deadline(t), 2000); err != nil {
		t.Fatal(err)
	}
	back := made(21, 1500) // the holder died before it had sent all
	appendAll(t, l, AppendConfig{Last: 20}, back)
	if err := l.Unfence(deadline(t), topics); err != nil {
		t.Fatal(err)
	}
	later := unkeyed(1501, 1520)
	for i := range later {
		if i%2 == 0 {
			later[i] = forged(later[i])
		}
	}
	produce(t, l, later)

	want := append(append(raw, back...), later...)
	look := func(name string, l *CommitLog) {
		t.Helper()
		got := readTo(t, l, 1, 1520)
		sameEntries(t, got[20:1500], back)
		sameEntries(t, bare(got), bare(clones(want)))
		sameEntries(t, bare(readTo(t, l, 1501, 1520)), bare(clones(later)))
	}
	look("now", l)
	sameEntries(t, bare(readRest(t, open, 1520)), bare(clones(want)))
	b.Close()
	look("after a restart", openOrigin(t, openBroker(t, cfg)))
}

func clones(entries []entry.Entry) []entry.Entry {
	var all []entry.Entry
	for i := range entries {
		all = append(all, entries[i].Clone())
	}
	return all
}

func readRest(t *testing.T, r *Reader, to geo.Offset) []entry.Entry {
	t.Helper()
	var got []entry.Entry
	for len(got) == 0 || got[len(got)-1].Offset < to {
		entries, err := r.Next(deadline(t))
		if err != nil {
			t.Fatalf("after %d entries: %v", len(got), err)
		}
		got = append(got, clones(entries)...)
	}
	return got
}

// TestPullingBackIsTakenUpAfterACrash: killed in the middle, the origin is opened
// again and pulls back the rest; what was announced too much is forgotten.
func TestPullingBackIsTakenUpAfterACrash(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	l := openOrigin(t, b)
	if _, err := l.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := l.BeginRestore(deadline(t), 500); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, AppendConfig{}, made(1, 100))
	b.Close()
	b = openBroker(t, cfg)
	l = openOrigin(t, b)
	if err := l.BeginRestore(deadline(t), 200); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, AppendConfig{Last: 100}, made(101, 150))
	skip(t, l, 150, 10_150)
	for range 2 {
		if err := l.EndRestore(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Unfence(deadline(t), []geo.Topic{"orders.>"}); err != nil {
		t.Fatal(err)
	}
	imitation := []entry.Entry{forged(made(10_151, 10_151)[0])}
	produce(t, l, imitation)
	got := readTo(t, l, 1, 10_151)
	sameEntries(t, got[:150], made(1, 150))
	sameEntries(t, bare(got[150:]), bare(imitation))
	sameExtent(t, l, 1, 10_151, 151)
}

// TestAShorterLogForgetsItsPulledBackRanges: an old disk image comes back, whose
// metadata is younger than its entries; what producers write there is theirs.
func TestAShorterLogForgetsItsPulledBackRanges(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	info, err := b.api.streamInfo(deadline(t), orders.Stream())
	if err != nil {
		t.Fatal(err)
	}
	produce(t, l, made(1, 1))
	if err := b.api.updateStream(deadline(t), withMetadata(info.Config, metaEscaped, "1-50,90-99")); err != nil {
		t.Fatal(err)
	}
	l = openOrigin(t, b)
	want := []entry.Entry{forged(made(2, 2)[0])}
	produce(t, l, want)
	sameEntries(t, bare(readTo(t, l, 2, 2)), bare(want))
	// Offset 1 is recorded as pulled back, and is not: nobody guesses.
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(deadline(t)); !errors.Is(err, entry.ErrStored) {
		t.Fatalf("got %v", err)
	}
	if err := b.api.updateStream(deadline(t), withMetadata(info.Config, metaEscaped, "rubbish")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(deadline(t), 1, 1<<20); !errors.Is(err, ErrMetadata) {
		t.Fatalf("got %v", err)
	}
	if _, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}}); !errors.Is(err, ErrConflict) {
		t.Fatalf("got %v", err)
	}
}

// TestAnOriginIsWrittenBehindItsFenceOnly and as announced.
func TestAnOriginIsWrittenBehindItsFenceOnly(t *testing.T) {
	l := openOrigin(t, openBroker(t, testConfig(t, "us-east")))
	if _, err := l.Appender(deadline(t), AppendConfig{}); !errors.Is(err, ErrRole) {
		t.Fatalf("got %v", err)
	}
	if err := l.BeginRestore(deadline(t), 10); !errors.Is(err, ErrRole) {
		t.Fatalf("got %v", err)
	}
	if _, err := l.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := l.BeginRestore(deadline(t), 10); err != nil {
		t.Fatal(err)
	}
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Append(deadline(t), made(1, 11), false); !errors.Is(err, ErrRole) {
		t.Fatalf("got %v", err)
	}
	if err := errors.Join(a.Append(deadline(t), made(1, 10), false), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, readTo(t, l, 1, 10), made(1, 10))
}

func TestRangesInMetadata(t *testing.T) {
	for _, text := range []string{"", "1-1", "5-9,12-12", "1-18446744073709551614"} {
		if set, err := parseRanges(text); err != nil || formatRanges(set) != text {
			t.Errorf("%q is read as %v, %v", text, set, err)
		}
	}
	for _, text := range []string{",", "1", "1-", "-1", "0-5", "9-5", "5-9,9-12", "5-9,1-2", "1-18446744073709551615", "1-2,", "a-b"} {
		if set, err := parseRanges(text); !errors.Is(err, ErrMetadata) {
			t.Errorf("%q is read as %v, %v", text, set, err)
		}
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("5-9,12-12")
	f.Add("1-18446744073709551615")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parseRanges(text)
		if err != nil {
			return
		}
		if again, err := parseRanges(formatRanges(set)); err != nil || again.Len() != set.Len() {
			t.Errorf("%q is %v, then %v, %v", text, set, again, err)
		}
	})
}
