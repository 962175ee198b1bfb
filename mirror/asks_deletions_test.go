package mirror

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

// TestAHolderTellsItsDeletions: an origin that forgot what it deleted gets all of it
// back, however much that is, and one deletion is as long as they come.
func TestAHolderTellsItsDeletions(t *testing.T) {
	log := newMemLog(1)
	log.publish(rand.New(rand.NewPCG(1, 1)), 3*geo.BlockSize)
	whole := geo.Block(1).Range()
	var long []geo.Offset
	for o := whole.First; o <= whole.Last; o++ {
		long = append(long, o)
	}
	log.withdraw(true, 3, 4)
	log.withdraw(true, long...)
	for o := 2*geo.Offset(geo.BlockSize) + 1; o < 2*geo.BlockSize+400; o++ {
		log.withdraw(true, o)
	}
	asker := direct{sources: sourcesOf(log)}
	standing, _, err := AskHolder(t.Context(), asker, "us-east", ordersLog, "eu-west")
	if err != nil || standing.Deletions != uint64(len(log.deletions)) || len(standing.Deleted) != 0 {
		t.Fatalf("it tells of %d deletions and %d unasked: %v", standing.Deletions, len(standing.Deleted), err)
	}
	var got []geo.Deletion
	for last := uint64(1); uint64(len(got)) < last; {
		var some []geo.Deletion
		if some, last, err = AskDeletions(t.Context(), asker, "us-east", ordersLog, "eu-west", uint64(len(got))); err != nil || len(some) == 0 {
			t.Fatalf("behind %d of %d: %v", len(got), last, err)
		}
		got = append(got, some...)
	}
	for i := range log.deletions {
		if *deletionSum(&got[i]) != *deletionSum(&log.deletions[i]) {
			t.Fatalf("deletion %d came as %+v", i+1, got[i])
		}
	}
	if some, last, err := AskDeletions(t.Context(), asker, "us-east", ordersLog, "eu-west", 1000); err != nil || len(some) != 0 || last != uint64(len(got)) {
		t.Errorf("behind the last: %v, %d, %v", some, last, err)
	}
	old := direct{answer: func([]byte) ([]byte, error) {
		return []byte(`{"region":"us-east","exists":true,"origin":true,"extent":{"first":1,"last":5,"epochs":[{"number":1,"first":1}]}}`), nil
	}}
	if some, last, err := AskDeletions(t.Context(), old, "us-east", ordersLog, "eu-west", 0); err != nil || len(some) != 0 || last != 0 {
		t.Errorf("an older version tells of %v, %d: %v", some, last, err)
	}
	garbled := direct{answer: func([]byte) ([]byte, error) {
		return []byte(`{"region":"us-east","exists":true,"origin":true,"deletions":1,"deleted":["AAAA"],"extent":{"first":1,"last":5,"epochs":[{"number":1,"first":1}]}}`), nil
	}}
	if _, _, err := AskDeletions(t.Context(), garbled, "us-east", ordersLog, "eu-west", 0); err == nil {
		t.Error("what is no deletion is taken for one")
	}
}

// TestAnotherDeletionAtTheSameNumber: an origin that forgot a deletion and gave its
// number to another one is not followed, and nothing of the replica is touched.
func TestAnotherDeletionAtTheSameNumber(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 100)
		w.origin.withdraw(true, 7)
		w.origin.withdraw(true, 40)
	}, func(w *world) {
		w.matched()
		w.stopLink()
		<-w.linkDone
		w.origin.change(func() { w.origin.deletions = w.origin.deletions[:1] })
		w.origin.withdraw(true, 50)
		w.origin.withdraw(true, 60)
		w.startLink()
		s := w.halted(CauseConflict)
		if !strings.Contains(s.Reason, "deletion 2 of ORDERS@us-east") {
			t.Errorf("it halts with %q", s.Reason)
		}
		if w.replica().at(50).Subject == nil {
			t.Error("the other deletion was carried out")
		}
		// The reason is a person's and does not count, as links cut it short.
		w.origin.change(func() {
			w.origin.deletions = w.replica().deletions[:2:2]
			w.origin.deletions[1].Reason = strings.Repeat("x", 3000)
		})
		w.within(10*time.Second, func() string {
			if s := w.link.Status(); s.State != StateStreaming {
				return s.Reason
			}
			return ""
		})
	})
}
