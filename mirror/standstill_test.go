package mirror

import (
	"strings"
	"testing"
	"time"
)

// TestALinkDoesNotStandStillWhereItsHolderReadsNothing: the holder beats, answers,
// and says that there is more, but the reader of its log brings one entry and then
// nothing. With no other region to pull from, only the holder itself can mend it.
func TestALinkDoesNotStandStillWhereItsHolderReadsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 3000)
		w.origin.faults.deaf = 2 // the sealer's and the link's
	}, func(w *world) {
		time.Sleep(stillPatience / 2)
		if end := w.replica().end(); end != 1 {
			t.Fatalf("the replica ends at %d, 1 entry has been read", end)
		}
		w.within(stillPatience, w.behind)
		w.equal()
		w.logMu.Lock()
		defer w.logMu.Unlock()
		if !strings.Contains(w.log.String(), "nothing behind offset 1 of ORDERS@us-east was read in us-east for 20s although it ends at 3000") {
			t.Error("nobody said why the session ended")
		}
	})
}
