package broker

import (
	"errors"
	"testing"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

// stranger writes at the subject that follows from the deployment's secret, with
// all that an entry of the log has.
func stranger(t *testing.T, l *CommitLog, ingest string, entries []entry.Entry) {
	t.Helper()
	conn, err := l.broker.dial(deadline(t), "stranger")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range entries {
		_, header, body := entries[i].Stored(nil)
		if err := conn.PublishParts(wire.Pub{Subject: append([]byte(ingest), entries[i].Subject...), Header: header, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Ping(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// TestNobodyWritesIntoTheMiddleOfAChain: an entry of somebody else's would take
// the place of one of ours without anybody hearing of it.
func TestNobodyWritesIntoTheMiddleOfAChain(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Append(deadline(t), made(1, 50), true); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return extentOf(t, l).Last == 50 })
	forged := made(51, 51)
	forged[0].Body = []byte("not of this log")
	stranger(t, l, l.ingest, forged)
	if err := errors.Join(a.Append(deadline(t), made(51, 200), false), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, readTo(t, l, 1, 200), made(1, 200))
}

// TestWhatAnEarlierChainLeftOnItsWayNeverEnters lets entries of an Appender that
// has been followed by another one come late, in the middle of the other's chain,
// where they would fit.
func TestWhatAnEarlierChainLeftOnItsWayNeverEnters(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	first, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := errors.Join(first.Append(deadline(t), made(1, 10), false), first.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	second, err := l.Appender(deadline(t), AppendConfig{Last: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Append(deadline(t), made(11, 20), true); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return extentOf(t, l).Last == 20 })
	late := made(21, 21)
	late[0].Body = []byte("of another holder's history")
	stranger(t, l, first.ingest, late)
	if err := errors.Join(second.Append(deadline(t), made(21, 300), false), second.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, readTo(t, l, 1, 300), made(1, 300))
	if err := errors.Join(first.Append(deadline(t), made(11, 11), false), first.Settle(deadline(t))); !errors.Is(err, ErrFenced) {
		t.Errorf("the Appender whose way in was taken says %v", err)
	}
}

// TestAChainDoesNotBeginBehindAWrongEnd: it learns the end when it takes over.
func TestAChainDoesNotBeginBehindAWrongEnd(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	appendAll(t, l, AppendConfig{}, made(1, 100))
	for _, last := range []geo.Offset{40, 101} {
		a, err := l.Appender(deadline(t), AppendConfig{Last: last})
		if err == nil {
			err = a.Append(deadline(t), made(last+1, last+1), false)
			a.Close()
		}
		var fenced *FencedError
		if !errors.As(err, &fenced) || fenced.Last != 100 || fenced.Offset != last+1 {
			t.Errorf("behind %d: got %v", last, err)
		}
	}
}

// TestAWayInOutlivesRestartsAndOpening: opening a replica must not take the way in
// from the Appender that writes it, and a stream that is written at a subject
// which the secret does not give is still refused.
func TestAWayInOutlivesRestartsAndOpening(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	again := openReplica(t, b, 1)
	if err := errors.Join(a.Append(deadline(t), made(1, 200), false), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, readTo(t, again, 1, 200), made(1, 200))
	info, err := b.info(deadline(t), l.id)
	if err != nil {
		t.Fatal(err)
	}
	if !isOwnIngest(l.id, b.cfg.Secret, &info.Config) || isOwnIngest(l.id, []byte("another secret"), &info.Config) {
		t.Errorf("%q is not told from another secret's", info.Config.Subjects)
	}
	other := info.Config
	other.Subjects = []string{ownIngest(l.id, []byte("another secret")) + ">"}
	if err := b.api.updateStream(deadline(t), other); err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: l.id, First: 1}); !errors.Is(err, ErrConflict) {
		t.Errorf("a replica of another secret: %v", err)
	}
}

// TestAnEntryRefusedInsideAChainIsNamedByTheNextAppender: nobody hears of the
// refusal itself, but nothing enters behind it, and who tries again is told.
func TestAnEntryRefusedInsideAChainIsNamedByTheNextAppender(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	info, err := b.info(deadline(t), l.id)
	if err != nil {
		t.Fatal(err)
	}
	info.Config.MaxMsgSize = 1000
	if err := b.api.updateStream(deadline(t), info.Config); err != nil {
		t.Fatal(err)
	}
	entries := made(1, 300)
	entries[149].Body = make([]byte, 2000)
	try := func(last geo.Offset) error {
		a, err := l.Appender(deadline(t), AppendConfig{Last: last})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return errors.Join(a.Append(deadline(t), entries[last:], false), a.Settle(deadline(t)))
	}
	var fenced *FencedError
	if err := try(0); !errors.As(err, &fenced) || fenced.Last != 149 {
		t.Fatalf("got %v", err)
	}
	if err := try(149); !errors.Is(err, ErrRefused) || errors.Is(err, ErrFenced) {
		t.Fatalf("got %v", err)
	}
	sameEntries(t, readTo(t, l, 1, 149), entries[:149])
}

// TestALostAckIsMadeGoodByAProbe: a chain's first entry waits alone for its ack. If
// that never comes the end is asked for, and the Appender goes on.
func TestALostAckIsMadeGoodByAProbe(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	first := made(1, 1)
	a.sending.Lock()
	if err := a.begin(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.enter(1, 100, false); err != nil {
		t.Fatal(err)
	}
	a.next++
	stranger(t, l, a.ingest, first) // who hears of no ack
	a.sending.Unlock()
	await(t, func() bool { return extentOf(t, l).Last == 1 })
	if a.Applied() != 0 {
		t.Fatal("an ack came")
	}
	await(t, func() bool { return a.Applied() == 1 })
	if err := errors.Join(a.Append(deadline(t), made(2, 300), false), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	sameEntries(t, readTo(t, l, 1, 300), made(1, 300))
}

// TestAProbeFindsALostEntry cuts one entry out of a chain that is still open.
func TestAProbeFindsALostEntry(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Append(deadline(t), made(1, 10), true); err != nil {
		t.Fatal(err)
	}
	a.sending.Lock()
	a.next++ // as if offset 11 had been sent and lost
	a.sending.Unlock()
	if err := a.Append(deadline(t), made(12, 20), true); err != nil {
		t.Fatal(err)
	}
	var fenced *FencedError
	if err := a.Settle(deadline(t)); !errors.As(err, &fenced) || fenced.Last != 10 || fenced.Offset != 11 {
		t.Fatalf("got %v", err)
	}
}

// TestAnAppenderAtRestHoldsNothing: most links have nothing to write, and the way
// in is left alone until there is something.
func TestAnAppenderAtRestHoldsNothing(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	before, clients := capturedBy(t, l), b.server().NumClients()
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Append(deadline(t), nil, false), a.Settle(deadline(t)), a.Skip(deadline(t), 0)); err != nil {
		t.Fatal(err)
	}
	if now := capturedBy(t, l); now != before || b.server().NumClients() != clients {
		t.Errorf("it is written at %s, was at %s, by %d clients, %d before", now, before, b.server().NumClients(), clients)
	}
	if err := errors.Join(a.Append(deadline(t), made(1, 1), false), a.Settle(deadline(t)), a.Close()); err != nil {
		t.Fatal(err)
	}
	if capturedBy(t, l) == before {
		t.Error("it was written without a way in of its own")
	}
	if err := a.Append(deadline(t), made(2, 2), false); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed Appender says %v", err)
	}
}

func capturedBy(t *testing.T, l *CommitLog) string {
	t.Helper()
	info, err := l.broker.info(deadline(t), l.id)
	if err != nil {
		t.Fatal(err)
	}
	return info.Config.Subjects[0]
}
