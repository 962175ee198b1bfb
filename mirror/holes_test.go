package mirror

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"geomq/geo"
)

// matched waits until the replica has all that its origin has: entries, holes,
// epochs, deletions, seals.
func (w *world) matched() {
	w.t.Helper()
	w.recorded()
	w.equal()
}

// streaming waits until the link's session has begun.
func (w *world) streaming() {
	w.t.Helper()
	w.within(10*time.Second, func() string {
		if w.link.Status().State != StateStreaming {
			return "the link does not stream"
		}
		return ""
	})
}

func (w *world) recorded() {
	w.t.Helper()
	w.caughtUp()
	w.within(10*time.Second, func() string {
		r := w.replica()
		ours, _ := w.origin.Extent(context.Background())
		theirs, _ := r.Extent(context.Background())
		if ours.Epochs.String() != theirs.Epochs.String() {
			return fmt.Sprintf("the replica has epochs %s, the origin %s", theirs.Epochs, ours.Epochs)
		}
		want, _ := w.origin.Deletions(context.Background(), 0)
		got, _ := r.Deletions(context.Background(), 0)
		if len(want) != len(got) {
			return fmt.Sprintf("the replica has %d deletions, the origin %d", len(got), len(want))
		}
		return unsealed(w.origin, r)
	})
}

// unsealed names a whole block of origin's that replica has no equal seal of.
func unsealed(origin, replica *memLog) string {
	skipped := origin.table().Skipped()
	want, seals := map[geo.Block]geo.Seal{}, map[geo.Block]geo.Seal{}
	for _, seal := range origin.copySeals() {
		want[seal.Block] = seal
	}
	for _, seal := range replica.copySeals() {
		seals[seal.Block] = seal
	}
	first := max(origin.start(), replica.start())
	for block := geo.BlockOf(first + geo.BlockSize - 1); block.Range().Last <= origin.end(); block++ {
		if skipped.Covers(block.Range()) {
			continue
		}
		if seal, ok := seals[block]; !ok || seal.Digest != want[block].Digest {
			return fmt.Sprintf("the replica has no seal of block %d, or another one", block)
		}
	}
	return ""
}

func (l *memLog) table() geo.Epochs {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epochs
}

func (l *memLog) ledger() (offsets []geo.Offset) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.retired {
		offsets = append(offsets, e.Offset)
	}
	slices.Sort(offsets)
	return offsets
}

func TestAnEpochThatBeginsWhileStreamingIsTakenOver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 1500)
		w.matched()
		w.origin.reopen(1500, 12_000) // nothing was lost, but nobody could know
		w.origin.publish(w.rand, 1500)
		w.matched()
		if got := w.replica().ledger(); len(got) != 0 {
			t.Errorf("%d entries were retired", len(got))
		}
		s := w.link.Status()
		if s.Entries != 3000 || s.Refused[CauseGap]+s.Refused[CauseEpochs] > 0 {
			t.Errorf("%d entries applied, refused %v", s.Entries, s.Refused)
		}
	})
}

func TestAnEpochWithoutEntriesReachesTheReplica(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 10)
		w.matched()
		w.origin.reopen(10, 12_000)
		w.matched()
		w.restartLink() // no entry is awaited where both logs end in a hole
		w.within(200*time.Millisecond, func() string {
			if w.link.Status().State != StateStreaming {
				return "the link does not stream"
			}
			return ""
		})
	})
}

func TestADeletionWaitsForTheEntriesItNames(t *testing.T) {
	inWorld(t, func(w *world) {
		w.home.faults.apply = 2500 * time.Millisecond
		w.origin.publish(w.rand, 100)
	}, func(w *world) {
		time.Sleep(100 * time.Millisecond)
		w.origin.withdraw(true, 50, 99) // both are on their way into the replica
		time.Sleep(1500 * time.Millisecond)
		if end := w.replica().end(); end != 0 {
			t.Fatalf("the replica ends at %d: nothing is under way", end)
		}
		w.matched()
		if n := w.link.Status().Sessions; n != 1 {
			t.Errorf("it took %d sessions", n)
		}
	})
}

func TestWhatAnEpochLeavesBehindGoesToTheLedger(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 3000)
		w.matched()
		if n := len(w.replica().copySeals()); n != 2 {
			t.Fatalf("%d blocks are sealed", n)
		}
		w.stopLink()
		<-w.linkDone
		lost := w.origin.at(2000)
		w.origin.reopen(1990, 20_000) // the replica can't be reached, and has 1991…3000
		w.origin.publish(w.rand, 2000)
		w.startLink()
		w.matched()
		got := w.replica().ledger()
		if len(got) != 1010 || got[0] != 1991 || got[1009] != 3000 {
			t.Errorf("%d entries are in the ledger", len(got))
		}
		if e := w.replica().retired[9]; !sameEntry(&e, &lost) {
			t.Error("the ledger has another entry than the replica had")
		}
	})
}

func TestANodeThatDiesBetweenTheStepsOfANewEpoch(t *testing.T) {
	for dies := range 6 {
		t.Run(fmt.Sprint(dies), func(t *testing.T) {
			inWorld(t, func(w *world) { w.origin.publish(w.rand, 2500) }, func(w *world) {
				w.matched()
				w.stopLink()
				<-w.linkDone
				step := 0
				w.replica().faults.step = func() bool { step++; return step == dies+1 }
				w.replica().faults.refuse = func() bool { step++; return step == dies+1 }
				w.origin.reopen(1500, 20_000)
				w.origin.publish(w.rand, 10)
				w.startLink()
				w.matched()
				if n := len(w.replica().ledger()); n != 1000 {
					t.Errorf("%d entries are in the ledger, want 1000", n)
				}
			})
		})
	}
}

func TestAReplicaBeyondANewEpochHalts(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 100)
		w.caughtUp()
		w.stopLink()
		<-w.linkDone
		w.origin.reopen(50, 90)
		w.origin.publish(w.rand, 20)
		w.startLink()
		w.halted(CauseEpochs)
		if w.replica().end() != 100 || len(w.replica().table()) != 1 {
			t.Error("the replica was changed")
		}
	})
}

func TestDeletedEntriesGoAndTheirBlocksStayProved(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 500)
		w.caughtUp()
		w.origin.withdraw(true, 1, 2, 300) // had by the replica
		w.origin.withdraw(true, 500)       // its last entry
		w.matched()
		w.origin.publish(w.rand, 2000)
		w.matched()
		w.stopLink()
		<-w.linkDone
		w.origin.publish(w.rand, 1000)
		w.origin.withdraw(true, 2400, 2401, 2600) // partly had
		w.origin.withdraw(true, 3100, 3499, 3500) // not had, and the log's end
		w.startLink()
		w.matched()
		if s := w.link.Status(); s.Refused[CauseGap]+s.Refused[CauseConflict] > 0 {
			t.Errorf("refused %v: %s", s.Refused, s.Reason)
		}
	})
}

func TestAReplicaMadeBehindDeletionsHasThemToo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 3000)
		for o := geo.Offset(1); o < 3000; o += 10 { // more than one answer holds
			w.origin.withdraw(true, o)
		}
	}, func(w *world) {
		w.matched()
		if s := w.link.Status(); len(s.Refused) > 0 {
			t.Errorf("refused %v: %s", s.Refused, s.Reason)
		}
	})
}

// TestADeletionThatIsRecordedButNotCarriedOut: the origin died between the two.
func TestADeletionThatIsRecordedButNotCarriedOut(t *testing.T) {
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 100)
		w.origin.withdraw(false, 40, 41, 60)
	}, func(w *world) {
		w.caughtUp()
		for _, o := range []geo.Offset{40, 41, 60} {
			if e := w.replica().at(o); e.Subject != nil {
				t.Errorf("the deleted entry at %d is shown", o)
			}
			w.replica().mu.Lock()
			if _, ok := w.replica().shown[o]; ok {
				t.Errorf("the deleted entry at %d was shown for a while", o)
			}
			w.replica().mu.Unlock()
		}
		w.origin.remove(40, 41, 60)
		w.matched()
	})
}

func TestWhatAPowerCutBringsBackIsTakenOutAgain(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		deleted, retired := w.replica().at(7), w.replica().at(95)
		w.stopLink()
		<-w.linkDone
		w.origin.withdraw(true, 7)
		w.origin.reopen(90, 12_000)
		w.origin.publish(w.rand, 10)
		w.startLink()
		w.matched()
		w.stopLink()
		<-w.linkDone
		w.replica().change(func() {
			w.replica().entries[7], w.replica().entries[95] = deleted, retired
		})
		w.startLink()
		w.within(time.Second, func() string {
			for _, o := range []geo.Offset{7, 95} {
				if e := w.replica().at(o); e.Subject != nil {
					return fmt.Sprintf("the entry at %d is there again", o)
				}
			}
			return ""
		})
		w.matched()
	})
}

// What a session that made holes had on its way when it was broken off comes in while
// the next one looks: that is no entry of an earlier life, and nothing for a ledger.
func TestFillersThatComeInLateAreNoEntries(t *testing.T) {
	inWorld(t, func(w *world) { w.origin.publish(w.rand, 100) }, func(w *world) {
		w.caughtUp()
		w.origin.reopen(100, 12_000)
		w.origin.publish(w.rand, 10)
		w.matched()
		w.stopLink()
		<-w.linkDone
		late := filler
		late.Offset = 200
		looks := 0
		w.home.opened = func(l *memLog) {
			if looks++; looks == 1 {
				l.change(func() { l.entries[late.Offset] = late })
			}
		}
		w.startLink()
		w.origin.publish(w.rand, 10)
		w.matched()
		if n := len(w.replica().retired); n > 0 {
			t.Errorf("%d fillers are in the ledger", n)
		}
	})
}

func TestAnAcceptedGapIsAHoleInThisReplica(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.origin.publish(w.rand, 100)
		w.caughtUp()
		w.stopLink()
		<-w.linkDone
		w.origin.publish(w.rand, 400)
		w.origin.cut(301)
		w.startLink()
		w.halted(CauseTrimmed)
		w.replica().mu.Lock()
		w.replica().gaps = geo.Ranges{{First: 101, Last: 300}}
		w.replica().mu.Unlock()
		w.within(10*time.Second, w.behind)
		w.equal()
	})
}

// control makes the world's log a control log, whose keys are compacted.
func control(w *world) {
	w.cfg.Log = geo.ControlLog("us-east")
	w.sealer.ID = w.cfg.Log
}

func TestACompactedControlLogIsFollowed(t *testing.T) {
	inWorld(t, func(w *world) {
		control(w)
		w.origin.publish(w.rand, 500)
		for o := geo.Offset(1); o < 500; o++ {
			if o%7 != 3 {
				delete(w.origin.entries, o)
			}
		}
	}, func(w *world) {
		w.caughtUp()
		w.equal()
		w.stopLink()
		<-w.linkDone
		w.origin.publish(w.rand, 500)
		for o := geo.Offset(2); o < 1000; o++ {
			w.origin.remove(o)
		}
		w.startLink()
		w.caughtUp()
	})
}

func TestADeletionThatFailsIsToldAndTriedAgain(t *testing.T) {
	var failing atomic.Bool
	inWorld(t, func(w *world) {
		w.home.faults.step = failing.Load
		w.origin.publish(w.rand, 50)
	}, func(w *world) {
		w.caughtUp()
		w.origin.withdraw(true, 20)
		w.matched()
		failing.Store(true)
		w.origin.withdraw(true, 21)
		w.origin.publish(w.rand, 10)
		time.Sleep(5 * time.Second)
		if n := w.link.Status().Refused[CauseLocal]; n == 0 {
			t.Error("nobody hears that a deletion fails")
		}
		failing.Store(false)
		w.matched()
	})
}

// TestWhateverHappensToTheLogTheReplicaIsTheOrigin runs random schedules of
// deletions, new epochs and power cuts on a path with faults. -chaos.seed runs one
// again.
func TestWhateverHappensToTheLogTheReplicaIsTheOrigin(t *testing.T) {
	ledgers := 0
	for run := range max(*chaosRuns/2, 1) {
		seed := uint64(run) + 1
		if *chaosSeed != 0 {
			seed = *chaosSeed
		}
		ok := t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { ledgers += upheaval(t, seed) })
		if !ok || *chaosSeed != 0 {
			break
		}
	}
	t.Logf("%d entries went to ledgers", ledgers)
	if *chaosSeed == 0 && ledgers == 0 {
		t.Error("no schedule retired an entry: the epochs don't bite")
	}
}

func upheaval(t *testing.T, seed uint64) (ledger int) {
	r := rand.New(rand.NewPCG(seed, 7))
	inWorld(t, func(w *world) {
		prepareChaos(w, r)
		var mu sync.Mutex
		steps := rand.New(rand.NewPCG(r.Uint64(), 3))
		w.home.faults.step = func() bool {
			mu.Lock()
			defer mu.Unlock()
			return steps.IntN(8) == 0 && !w.calm.Load()
		}
	}, func(w *world) {
		w.within(10*time.Second, func() string {
			if w.replica() == nil {
				return "there is no replica"
			}
			return ""
		})
		for range 5 + r.IntN(15) {
			if r.IntN(2) == 0 {
				misfortune(w, r)
			}
			w.origin.publish(w.rand, r.IntN(300))
			deed(w, r)
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		}
		w.net.set(func() { w.net.fault, w.net.hole, w.net.jam = nil, false, false })
		w.calm.Store(true)
		for _, d := range w.origin.deletions {
			w.origin.remove(d.Offsets...)
		}
		w.recorded()
		// Entries that came back while as many others were taken out half way are
		// found when a session begins behind both.
		w.restartLink()
		w.streaming()
		w.matched()
		skipped := w.origin.table().Skipped()
		for _, o := range w.replica().ledger() {
			if !skipped.Contains(o) {
				t.Errorf("offset %d is in the ledger and in the log", o)
			}
		}
		ledger = len(w.replica().ledger())
		for cause, n := range w.link.Status().Refused {
			if cause.Halts() {
				t.Errorf("%d sessions ended for %s", n, cause)
			}
		}
	})
	return ledger
}

// deed is what befalls the log itself, at its origin or in the replica.
func deed(w *world, r *rand.Rand) {
	end := w.origin.end()
	switch r.IntN(4) {
	case 0:
		if end == 0 {
			return
		}
		block := geo.BlockOf(geo.Offset(r.Uint64N(uint64(end))) + 1).Range()
		var offsets []geo.Offset
		for o := block.First + geo.Offset(r.IntN(geo.BlockSize)); o <= min(block.Last, end) && len(offsets) < 20; o += geo.Offset(1 + r.IntN(3)) {
			offsets = append(offsets, o)
		}
		if len(offsets) > 0 {
			w.origin.withdraw(r.IntN(2) == 0, offsets...)
		}
	case 1:
		kept := end - min(geo.Offset(r.IntN(400)), end+1-w.origin.table().Latest().First)
		w.stopSealer()
		w.origin.reopen(kept, end+100+geo.Offset(r.IntN(4000)))
		w.startSealer()
	case 2:
		w.stopLink()
		<-w.linkDone
		w.replica().powerCut(r, r.IntN(300))
		w.startLink()
	}
}
