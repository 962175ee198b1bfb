package mirror

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// sealing is a log of n entries and its Sealer, in fake time.
func sealing(t *testing.T, n int, test func(*testing.T, *memLog, *Sealer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog(1)
		log.publish(rand.New(rand.NewPCG(3, 4)), n)
		test(t, log, &Sealer{ID: ordersLog, Log: log, Logger: slog.New(slog.DiscardHandler)})
	})
}

// sealedBlocks are the numbers of the blocks sealed, each seal compared with a
// digest computed the slow way.
func sealedBlocks(t *testing.T, log *memLog) (blocks []geo.Block) {
	t.Helper()
	var h entry.Hasher
	for _, seal := range log.copySeals() {
		digests := make([]entry.Digest, 0, geo.BlockSize)
		for r, o := seal.Block.Range(), seal.Block.Range().First; o <= r.Last; o++ {
			e := log.at(o)
			digest, deleted := deletedDigest(log, o)
			if e.Offset == o && !deleted {
				digest = h.Entry(&e)
			}
			digests = append(digests, digest)
		}
		if entry.Combine(digests) != entry.Digest(seal.Digest) {
			t.Errorf("the seal of block %d is not that of its entries", seal.Block)
		}
		blocks = append(blocks, seal.Block)
	}
	return blocks
}

func deletedDigest(log *memLog, o geo.Offset) (digest entry.Digest, ok bool) {
	for _, d := range log.deletions {
		if at, ok := slices.BinarySearch(d.Offsets, o); ok {
			return entry.Digest(d.Digests[at]), true
		}
	}
	return digest, false
}

func TestWholeBlocksAreSealedAndNoOthers(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 1023: 0, 1024: 1, 1025: 1, 2047: 1, 2048: 2, 5000: 4} {
		sealing(t, n, func(t *testing.T, log *memLog, s *Sealer) {
			for range 2 { // the second time finds nothing to do
				if err := s.Seal(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := sealedBlocks(t, log); len(got) != want {
				t.Errorf("%d entries: %d blocks sealed, want %d", n, len(got), want)
			}
			if n == 5000 && log.began() != 1 {
				t.Errorf("reading began %d times for one run", log.began())
			}
		})
	}
}

func TestTwoSealersAtOnceWriteTheSame(t *testing.T) {
	sealing(t, 10_000, func(t *testing.T, log *memLog, s *Sealer) {
		other := &Sealer{ID: ordersLog, Log: log, Logger: s.Logger}
		var group sync.WaitGroup
		for _, sealer := range []*Sealer{s, other} {
			group.Go(func() {
				if err := sealer.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := sealedBlocks(t, log); len(got) != 9 {
			t.Errorf("%d blocks sealed, want 9", len(got))
		}
	})
}

func TestABlockThatRetentionCutIsPassedOver(t *testing.T) {
	for first, want := range map[geo.Offset]geo.Block{1: 0, 2: 1, 1024: 1, 1025: 1, 1026: 2, 3000: 3, 4097: 4} {
		sealing(t, 6000, func(t *testing.T, log *memLog, s *Sealer) {
			log.cut(first)
			if err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := sealedBlocks(t, log); len(got) != int(5-want) || len(got) > 0 && got[0] != want {
				t.Errorf("cut before %d: blocks %v are sealed, want %d to 4", first, got, want)
			}
		})
	}
}

// cuttingLog loses its front while it is being read.
type cuttingLog struct {
	*memLog
	once sync.Once
}

func (l *cuttingLog) Read(ctx context.Context, from geo.Offset) (Reader, error) {
	l.once.Do(func() { l.cut(2500) })
	return l.memLog.Read(ctx, from)
}

func TestRetentionThatCutsWhileSealingIsNoGap(t *testing.T) {
	sealing(t, 6000, func(t *testing.T, log *memLog, s *Sealer) {
		s.Log = &cuttingLog{memLog: log}
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := sealedBlocks(t, log); len(got) != 2 || got[0] != 3 {
			t.Errorf("blocks %v are sealed, want 3 and 4", got)
		}
	})
}

func TestAnUnexplainedHoleStopsTheSealer(t *testing.T) {
	sealing(t, 6000, func(t *testing.T, log *memLog, s *Sealer) {
		for o := geo.Offset(2000); o <= 2002; o++ {
			delete(log.entries, o)
		}
		var gap *GapError
		if err := s.Seal(t.Context()); !errors.As(err, &gap) || gap.Missing != (geo.Range{First: 2000, Last: 2002}) || gap.Log != ordersLog {
			t.Errorf("got %v", err)
		}
		if got := sealedBlocks(t, log); len(got) != 1 {
			t.Errorf("blocks %v are sealed, want just 0", got)
		}
	})
}

// TestADeletedEntryIsSealedAsItWas has the same seals come out whether entries
// were deleted before their blocks were sealed or after.
func TestADeletedEntryIsSealedAsItWas(t *testing.T) {
	var before, after []geo.Seal
	offsets := []geo.Offset{1, 500, 1024, 2047, 2048} // the last two end the log
	sealing(t, 2048, func(t *testing.T, log *memLog, s *Sealer) {
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		before = log.copySeals()
	})
	sealing(t, 2048, func(t *testing.T, log *memLog, s *Sealer) {
		log.deleteEntries(t, offsets...)
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		after = log.copySeals()
	})
	if len(after) != 2 || !slices.EqualFunc(before, after, func(a, b geo.Seal) bool { return a.Digest == b.Digest }) {
		t.Errorf("sealed before %v, after %v", before, after)
	}
}

func TestADeletionThatIsNotRecordedYetStopsTheSealer(t *testing.T) {
	sealing(t, 2048, func(t *testing.T, log *memLog, s *Sealer) {
		log.deleteEntries(t, 100)
		log.remove(101)
		var gap *GapError
		if err := s.Seal(t.Context()); !errors.As(err, &gap) || gap.Missing != (geo.Range{First: 101, Last: 101}) {
			t.Error(err)
		}
	})
}

func TestAControlLogHasNoSeals(t *testing.T) {
	sealing(t, 3000, func(t *testing.T, log *memLog, s *Sealer) {
		s.ID = geo.ControlLog("us-east")
		log.remove(5, 7, 2000)
		if err := s.Seal(t.Context()); err != nil || len(log.copySeals()) > 0 {
			t.Errorf("%d seals, %v", len(log.copySeals()), err)
		}
	})
}

func TestAnEntryBetweenTwoEpochsIsNotSealed(t *testing.T) {
	sealing(t, 3000, func(t *testing.T, log *memLog, s *Sealer) {
		log.epochs = append(log.epochs, geo.Epoch{Number: 2, PrevEnd: 1500, First: 1502})
		if err := s.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "offset 1501") {
			t.Error(err)
		}
		log.remove(1501)
		if err := s.Seal(t.Context()); err != nil || len(sealedBlocks(t, log)) != 2 {
			t.Error(err)
		}
	})
}

func TestTheSealersProblemIsToldAndTakenBack(t *testing.T) {
	sealing(t, 1100, func(t *testing.T, log *memLog, s *Sealer) {
		ctx, cancel := context.WithCancel(context.Background())
		lost := log.at(7)
		delete(log.entries, 7)
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		if p := s.Problem(); !strings.Contains(p, "offsets 7 of ORDERS@us-east") {
			t.Errorf("the problem is told as %q", p)
		}
		log.change(func() { log.entries[7] = lost })
		time.Sleep(sealPause)
		if p := s.Problem(); p != "" || len(sealedBlocks(t, log)) != 1 {
			t.Errorf("still %q", p)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSumsOfBlocksThatPassedWhole(t *testing.T) {
	var sums blockSums
	var want []entry.Digest
	add := func(o geo.Offset) { sums.add(o, entry.Digest{byte(o), byte(o >> 8), 1}) }
	for o := geo.Offset(1000); o <= 3000; o++ { // begins inside of block 0
		add(o)
		if geo.BlockOf(o) == 1 {
			want = append(want, entry.Digest{byte(o), byte(o >> 8), 1})
		}
	}
	add(3002) // 3001 was missed, so block 2 did not pass whole
	for o := geo.Offset(3003); o <= 4096; o++ {
		add(o)
	}
	for block, ok := range map[geo.Block]bool{0: false, 1: true, 2: false, 3: true} {
		sum, got := sums.take(block)
		if got != ok {
			t.Errorf("block %d has a sum: %t, want %t", block, got, ok)
		}
		if block == 1 && sum != entry.Combine(want) {
			t.Error("block 1 has a wrong sum")
		}
		if _, again := sums.take(block); again {
			t.Errorf("block %d was not forgotten", block)
		}
	}
}

// TestSumsWithHolesAreThoseOfTheSeals has three epochs: the holes between them
// end within a block, are whole blocks, and begin and end within one.
func TestSumsWithHolesAreThoseOfTheSeals(t *testing.T) {
	sealing(t, 1500, func(t *testing.T, log *memLog, s *Sealer) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, e := range []geo.Epoch{{Number: 2, PrevEnd: 1500, First: 9001}, {Number: 3, PrevEnd: 9500, First: 9601}, {Number: 4, PrevEnd: 12288, First: 13313}} {
			log.publish(r, int(e.PrevEnd-log.end()))
			log.change(func() { log.epochs, log.last = append(log.epochs, e), e.First-1 })
		}
		log.publish(r, 2000)
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		var sums blockSums
		var h entry.Hasher
		for o := geo.Offset(1); o <= log.end(); o++ {
			for _, hole := range log.epochs.Skipped() {
				if hole.First == o {
					sums.hole(hole)
					o = hole.Last + 1
				}
			}
			e := log.at(o)
			sums.add(o, h.Entry(&e))
		}
		if got := sealedBlocks(t, log); len(got) != 7 {
			t.Errorf("sealed are %v", got)
		}
		for _, seal := range log.copySeals() {
			if sum, ok := sums.take(seal.Block); !ok || sum != entry.Digest(seal.Digest) {
				t.Errorf("block %d passed by with another sum", seal.Block)
			}
		}
	})
}

func TestSealsOfALostTailMakeRoomForNewOnes(t *testing.T) {
	sealing(t, 1500, func(t *testing.T, log *memLog, s *Sealer) {
		// The log once had two blocks; the page cache took half of the second along.
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := log.PutSeal(t.Context(), geo.Seal{Block: 1, Digest: [16]byte{1}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		synctest.Wait()
		log.publish(rand.New(rand.NewPCG(5, 6)), 1000)
		time.Sleep(2 * sealPause)
		cancel()
		running.Wait()
		if got := sealedBlocks(t, log); len(got) != 2 {
			t.Errorf("sealed are %v, want blocks 0 and 1", got)
		}
	})
}

func TestSealsGoWithTheEntriesThatRetentionRemoves(t *testing.T) {
	sealing(t, 5000, func(t *testing.T, log *memLog, s *Sealer) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		synctest.Wait()
		log.cut(2049)
		time.Sleep(2 * sealPause)
		cancel()
		running.Wait()
		if got := sealedBlocks(t, log); len(got) != 2 || got[0] != 2 {
			t.Errorf("the seals of blocks %v are kept, want 2 and 3", got)
		}
	})
}
