package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

func TestAppendRefusesWhatDoesNotFollow(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{Last: 0})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	swapped := made(1, 4)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	for name, entries := range map[string][]entry.Entry{
		"skipped":  made(2, 3),
		"swapped":  swapped,
		"repeated": append(made(1, 2), made(2, 3)...),
	} {
		if err := a.Append(deadline(t), entries, false); !errors.Is(err, ErrSequence) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := a.Append(deadline(t), made(1, 5), false); err != nil {
		t.Fatal("after refusals nothing else should have changed:", err)
	}
	if err := a.Settle(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if e := extentOf(t, l); e.Last != 5 {
		t.Fatalf("the log ends at %d", e.Last)
	}
}

// TestOnlyTheNextOffsetEnters sends around the Appender's own check what a
// faulty link might bring, and looks at what the server lets in.
func TestOnlyTheNextOffsetEnters(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	conn, err := l.broker.dial(deadline(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, o := range []geo.Offset{2, 1, 1, 3, 2, 5, 4, 3, 2, 4, 9} {
		e := made(o, o)[0]
		_, header, body := e.Stored(nil)
		p := wire.Pub{Subject: append([]byte(l.ingest), e.Subject...), Header: header, Body: body}
		if err := conn.PublishParts(p); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return extentOf(t, l).Last >= 4 })
	sameEntries(t, readTo(t, l, 1, 4), made(1, 4))
	if e := extentOf(t, l); e.Last != 4 || e.Entries != 4 {
		t.Fatalf("the log holds %+v", e)
	}
}

func TestASecondWriterIsFenced(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1).as(w)
			appendAll(t, l, AppendConfig{Plain: w == single}, made(1, 100))
			late, err := l.Appender(deadline(t), AppendConfig{Last: 40, Plain: w == single})
			if err != nil {
				t.Fatal(err)
			}
			defer late.Close()
			err = errors.Join(late.Append(deadline(t), made(41, 1500), false), late.Settle(deadline(t)))
			var fenced *FencedError
			if !errors.As(err, &fenced) || fenced.Last != 100 || fenced.Offset != 41 {
				t.Fatalf("got %v", err)
			}
			<-late.Done()
			if err := late.Append(deadline(t), made(1501, 1501), false); !errors.Is(err, ErrFenced) && !errors.Is(err, ErrSequence) {
				t.Fatalf("a fenced appender went on: %v", err)
			}
			if w == chained { // it has learnt the end before its first entry
				return
			}
			// Single entries that are under way when the first is refused may
			// still fit behind the end: they are the right ones there.
			if err := late.conn.Ping(deadline(t)); err != nil {
				t.Fatal(err)
			}
			last := probedEnd(t, l)
			if w == batched && last != 100 {
				t.Fatalf("the log ends at %d", last)
			}
			sameEntries(t, readTo(t, l, 1, last), made(1, last))
		})
	}
}

// probedEnd is the log's end behind everything that the server has queued: a
// message that can't enter is refused with it.
func probedEnd(t *testing.T, l *CommitLog) geo.Offset {
	t.Helper()
	ingest, err := l.wayIn(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(ingest + "probe")
	m.Header.Set("Nats-Expected-Last-Sequence", "999999999")
	answer, err := l.broker.conn.RequestMsgWithContext(deadline(t), m)
	if err != nil {
		t.Fatal(err)
	}
	said, err := parseAnswer(answer.Data)
	if err != nil {
		t.Fatal(err)
	}
	var fenced *FencedError
	if !errors.As(refusal("", 0, said.Error), &fenced) {
		t.Fatalf("the probe was answered %s", answer.Data)
	}
	return fenced.Last
}

// TestASecondWriterWithinABatch breaks the sequence in the middle of a batch.
func TestASecondWriterWithinABatch(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1).as(batched)
	first, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	first.linger = time.AfterFunc(time.Hour, func() {}) // the batch stays open
	if err := first.Append(deadline(t), made(1, 10), true); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return extentOf(t, l).Last == 10 })
	appendAll(t, l, AppendConfig{Last: 10}, made(11, 12))
	err = errors.Join(first.Append(deadline(t), made(11, 20), false), first.Settle(deadline(t)))
	var fenced *FencedError
	if !errors.As(err, &fenced) || fenced.Last != 12 || fenced.Offset != 11 {
		t.Fatalf("got %v", err)
	}
	sameEntries(t, readTo(t, l, 1, 12), made(1, 12))
}

// TestLostConnectionsLeaveNeitherHoleNorDouble cuts the appender's connection at
// random moments and goes on from the replica's own end, as a link does.
func TestLostConnectionsLeaveNeitherHoleNorDouble(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1).as(w)
			const last = 30_000
			all := made(1, last)
			rounds, told := 0, geo.Offset(0)
			for end := extentOf(t, l).Last; end < last; end = extentOf(t, l).Last {
				if told > end {
					t.Fatalf("offset %d was called applied, the log ends at %d", told, end)
				}
				told = max(told, appendUntilCut(t, l, all[end:], w, random))
				rounds++
			}
			if rounds < 5 {
				t.Fatalf("only %d rounds: the cuts came too late to test anything", rounds)
			}
			t.Logf("%d rounds", rounds)
			sameEntries(t, readTo(t, l, 1, last), all)
		})
	}
}

// appendUntilCut appends in chunks until the connection, which is closed at a
// random moment of the first eight, is gone; it returns the newest offset that was called applied.
func appendUntilCut(t *testing.T, l *CommitLog, entries []entry.Entry, w way, random *rand.Rand) geo.Offset {
	t.Helper()
	var told atomic.Uint64
	a, err := l.Appender(deadline(t), AppendConfig{
		Last: entries[0].Offset - 1, Plain: w == single, OnApplied: func(o geo.Offset) { told.Store(uint64(o)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	begun := random.IntN(8)
	for chunk := 0; len(entries) > 0 && a.Err() == nil; chunk++ {
		switch chunk {
		case begun:
			cut := time.AfterFunc(time.Duration(random.IntN(1000))*time.Microsecond, a.disconnect)
			defer cut.Stop()
		case 8: // a busy machine's timer may be late
			a.disconnect()
		}
		n := min(len(entries), 1+random.IntN(700))
		// Its error is the cut, or that the Appender before has left something on
		// its way: Extent tells.
		_ = a.Append(deadline(t), entries[:n], random.IntN(2) == 0)
		entries = entries[n:]
	}
	_ = a.Settle(deadline(t))
	a.Close()
	return geo.Offset(told.Load())
}

func TestABatchThatIsNotContinuedIsEndedByItself(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	applied := make(chan geo.Offset, 10)
	a, err := l.Appender(deadline(t), AppendConfig{OnApplied: func(o geo.Offset) { applied <- o }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for o := geo.Offset(1); o < 20; o += 2 {
		if err := a.Append(deadline(t), made(o, o+1), true); err != nil {
			t.Fatal(err)
		}
		for got := geo.Offset(0); got < o+1; {
			select {
			case got = <-applied:
			case <-time.After(5 * time.Second):
				t.Fatalf("applied to %d, want %d", got, o+1)
			}
		}
	}
	if got := a.Applied(); got != 20 {
		t.Fatalf("applied to %d", got)
	}
}

// TestAppendBlocksWhileItsWindowIsUnderWay hands over far more than the window
// and looks how much is ever under way.
func TestAppendBlocksWhileItsWindowIsUnderWay(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	cfg.MaxPayload = 32 << 10
	l := openReplica(t, openBroker(t, cfg), 1)
	a, err := l.Appender(deadline(t), AppendConfig{Window: 1 << 19})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	most := 0
	for o := geo.Offset(1); o < 4000; o += 100 {
		entries := made(o, o+99)
		for i := range entries {
			entries[i].Body = make([]byte, 5000)
		}
		if err := a.Append(deadline(t), entries, true); err != nil {
			t.Fatal(err)
		}
		a.mu.Lock()
		most = max(most, a.underWay)
		a.mu.Unlock()
	}
	if err := a.Settle(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if most > a.window || most == 0 {
		t.Fatalf("%d bytes were under way in a window of %d", most, a.window)
	}
}

func TestAppenderNoticesSilence(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.mu.Lock()
	a.batches = append(a.batches, &batch{number: 1, first: 1, last: 1, ended: true})
	a.progress = time.Now().Add(-ackPatience - time.Second)
	a.mu.Unlock()
	a.watch()
	if err := a.Settle(context.Background()); !errors.Is(err, ErrSilent) {
		t.Fatalf("got %v", err)
	}
}

// TestAnAckOfAnotherSequenceEndsTheAppender: offsets that drifted are worse than
// a link that stands still.
func TestAnAckOfAnotherSequenceEndsTheAppender(t *testing.T) {
	for name, said := range map[string]answer{
		"other sequence":  {Seq: 12, Count: 10},
		"fewer entries":   {Seq: 11, Count: 9},
		"a duplicate":     {Seq: 11, Count: 10, Duplicate: true},
		"missing entries": {Type: "gap"},
	} {
		a := &Appender{log: &CommitLog{id: orders}, batches: []*batch{{number: 1, first: 2, last: 11, ended: true}}}
		a.changed.L = &a.mu
		if _, err := a.judge(1, said); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
