package broker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"geomq/geo"
)

func removalJournal(t *testing.T, b *Broker) *Journal {
	t.Helper()
	j, err := b.OpenJournal(deadline(t), JournalConfig{Name: "DELETIONS-" + orders.Stream()})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestARemovedReplicaBringsNothingBack makes a replica again the moment it is
// removed, twenty times, each time beginning elsewhere; then the server starts
// anew.
func TestARemovedReplicaBringsNothingBack(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	first := geo.Offset(1)
	for round := range 20 {
		l := openReplica(t, b, first)
		sameExtent(t, l, first, first-1, 0)
		if _, any, err := l.SealedTo(deadline(t)); any || err != nil {
			t.Fatalf("round %d: an old seal is back: %t, %v", round, any, err)
		}
		if seq, err := removalJournal(t, b).Append(deadline(t), 0, "1", nil); err != nil || seq != 1 {
			t.Fatalf("round %d: an old deletion is back: %d, %v", round, seq, err)
		}
		appendAll(t, l, AppendConfig{Last: first - 1}, made(first, first+1999))
		if err := errors.Join(l.PutSeal(deadline(t), sealOf(0)), b.Remove(deadline(t), orders)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Lookup(deadline(t), orders); !errors.Is(err, ErrNoLog) {
			t.Fatalf("got %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(b.streamsFolder(), "*")); err != nil || len(left) > 0 {
			t.Fatalf("round %d: files are left: %v, %v", round, left, err)
		}
		first += 777
	}
	if err := b.Remove(deadline(t), orders); err != nil {
		t.Fatal("what is gone can't be removed again:", err)
	}
	l := openReplica(t, b, first)
	appendAll(t, l, AppendConfig{Last: first - 1}, made(first, first+4))
	b.Close()
	l = openReplica(t, openBroker(t, cfg), 1)
	sameExtent(t, l, first, first+4, 5)
	sameEntries(t, readTo(t, l, first, first+4), made(first, first+4))
}

// TestARemovalThatWasCutOffIsCompleted at the next start, and before the log is
// made again: the note must never remove what is written later.
func TestARemovalThatWasCutOffIsCompleted(t *testing.T) {
	cfg := testConfig(t, "eu-west")
	b := openBroker(t, cfg)
	appendAll(t, openReplica(t, b, 1), AppendConfig{}, made(1, 100))
	if err := b.noteRemoval(orders.Stream()); err != nil {
		t.Fatal(err)
	}
	b.Close()
	breakOff(t, b)
	b = openBroker(t, cfg)
	if err := awaitGone(deadline(t), b.streamFolder(orders.Stream())); err != nil {
		t.Fatal("the start left it:", err)
	}
	l := openReplica(t, b, 501)
	sameExtent(t, l, 501, 500, 0)
	appendAll(t, l, AppendConfig{Last: 500}, made(501, 510))
	b.Close()
	b = openBroker(t, cfg)
	sameExtent(t, openReplica(t, b, 1), 501, 510, 10)

	if err := b.noteRemoval(orders.Stream()); err != nil {
		t.Fatal(err)
	}
	l = openReplica(t, b, 901)
	sameExtent(t, l, 901, 900, 0)
	appendAll(t, l, AppendConfig{Last: 900}, made(901, 905))
	b.Close()
	b = openBroker(t, cfg)
	sameExtent(t, openReplica(t, b, 1), 901, 905, 5)

	b.Close()
	breakOff(t, b)
	b = openBroker(t, cfg)
	if err := b.Remove(deadline(t), orders); err != nil {
		t.Fatal(err)
	}
	sameExtent(t, openReplica(t, b, 1201), 1201, 1200, 0)
}

// breakOff takes the configuration away, as a server does first when it deletes a
// stream: it doesn't load such a stream, but one that is made again under its
// name finds the entries.
func breakOff(t *testing.T, b *Broker) {
	t.Helper()
	if err := os.Remove(filepath.Join(b.streamFolder(orders.Stream()), "meta.inf")); err != nil {
		t.Fatal(err)
	}
}

func TestAnOriginIsNotRemoved(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	produce(t, l, unkeyed(1, 3))
	if err := b.Remove(deadline(t), orders); !errors.Is(err, ErrRole) {
		t.Fatalf("got %v", err)
	}
	sameExtent(t, l, 1, 3, 3)
}

// TestAReplicasSealsAreDroppedWithItsTail, as an origin's are.
func TestAReplicasSealsAreDroppedWithItsTail(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	for block := range geo.Block(3) {
		if err := l.PutSeal(deadline(t), sealOf(block)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DropSeals(deadline(t), geo.BlockSize); err != nil {
		t.Fatal(err)
	}
	if to, any, err := l.SealedTo(deadline(t)); to != 0 || !any || err != nil {
		t.Fatalf("sealed to %d, %t, %v", to, any, err)
	}
}
