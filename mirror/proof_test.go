package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// proofLog is a log whose reader gives batches of any size, takes its time and
// may stumble.
type proofLog struct {
	*memLog
	batch   func() int                // entries at once; nil: as they come
	pause   time.Duration             // before each batch
	broken  map[geo.Offset]bool       // offsets that the reader can't decode
	reading func(from geo.Offset)     // told of each Read
	asked   func(first, to geo.Block) // told of each Seals
}

func (l *proofLog) Read(ctx context.Context, from geo.Offset) (Reader, error) {
	if l.reading != nil {
		l.reading(from)
	}
	reader, err := l.memLog.Read(ctx, from)
	return &proofReader{log: l, reader: reader}, err
}

func (l *proofLog) Seals(ctx context.Context, first, last geo.Block) ([]geo.Seal, error) {
	if l.asked != nil {
		l.asked(first, last)
	}
	return l.memLog.Seals(ctx, first, last)
}

type proofReader struct {
	log    *proofLog
	reader Reader
	rest   []entry.Entry
	lent   []entry.Entry
}

func (r *proofReader) Next(ctx context.Context) ([]entry.Entry, error) {
	for i := range r.lent { // what was lent is invalid now
		r.lent[i].Body, r.lent[i].Subject = nil, []byte("invalid")
	}
	if r.log.pause > 0 {
		select {
		case <-time.After(r.log.pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if len(r.rest) == 0 {
		entries, err := r.reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		r.rest = entries
	}
	n := len(r.rest)
	if r.log.batch != nil {
		n = min(n, r.log.batch())
	}
	for i := range n {
		if r.log.broken[r.rest[i].Offset] {
			if n = i; n == 0 {
				return nil, fmt.Errorf("%w: offset %d", entry.ErrStored, r.rest[0].Offset)
			}
			break
		}
	}
	r.lent, r.rest = r.rest[:n], r.rest[n:]
	return r.lent, nil
}

func (r *proofReader) Close() error { return r.reader.Close() }

// provingLog runs test on a log of n entries whose whole blocks are sealed.
func provingLog(t *testing.T, n int, test func(*testing.T, *proofLog)) {
	t.Helper()
	sealing(t, n, func(t *testing.T, log *memLog, s *Sealer) {
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, &proofLog{memLog: log})
	})
}

// flip changes one bit of the entry at o.
func (l *memLog) flip(o geo.Offset) {
	l.change(func() {
		kept := l.entries[o]
		e := kept.Clone()
		e.Body = append(e.Body, 0)
		e.Body[0] ^= 1
		l.entries[o] = e
	})
}

// deleteEntries removes entries the way an origin does: recorded first.
func (l *memLog) deleteEntries(t *testing.T, offsets ...geo.Offset) {
	t.Helper()
	var h entry.Hasher
	for _, o := range offsets {
		e := l.at(o)
		d := geo.Deletion{Number: uint64(len(l.deletions)) + 1, Block: geo.BlockOf(o), Offsets: []geo.Offset{o}, Digests: [][16]byte{h.Entry(&e)}}
		if err := l.Delete(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// proveFrom reads all that Prove gives from an offset on until it fails or has
// nothing for 10 s, and compares each entry with the log's own.
func proveFrom(t *testing.T, log *proofLog, from geo.Offset) (got []geo.Offset, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, err := Prove(ctx, ProveConfig{Log: ordersLog, At: "eu-west", Held: log}, from)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		short, done := context.WithTimeout(ctx, 10*time.Second)
		entries, err := reader.Next(short)
		done()
		if errors.Is(err, context.DeadlineExceeded) {
			return got, nil
		}
		if err != nil {
			if _, again := reader.Next(ctx); !errors.Is(again, err) {
				t.Errorf("after %v came %v", err, again)
			}
			return got, err
		}
		for i := range entries {
			want := log.at(entries[i].Offset)
			if !sameEntry(&entries[i], &want) {
				t.Fatalf("offset %d came as %+v, the log has %+v", entries[i].Offset, entries[i], want)
			}
			got = append(got, entries[i].Offset)
		}
	}
}

func consecutive(t *testing.T, got []geo.Offset, first, last geo.Offset) {
	t.Helper()
	if len(got) != int(last+1-first) {
		t.Fatalf("%d entries came, want those of %d to %d", len(got), first, last)
	}
	for i, o := range got {
		if o != first+geo.Offset(i) {
			t.Fatalf("offset %d came where %d was due", o, first+geo.Offset(i))
		}
	}
}

func TestProvedEntriesAreThoseOfTheLog(t *testing.T) {
	for _, from := range []geo.Offset{1, 2, 1000, 1024, 1025, 3000, 4096, 4097, 5000, 5001} {
		for _, size := range []int{1, 7, 64, 100, 5000} {
			provingLog(t, 5000, func(t *testing.T, log *proofLog) {
				r := rand.New(rand.NewPCG(uint64(from), uint64(size)))
				log.batch = func() int { return 1 + r.IntN(size) }
				got, err := proveFrom(t, log, from)
				if err != nil {
					t.Fatal(err)
				}
				consecutive(t, got, from, 5000)
			})
		}
	}
}

func TestAFlippedBitNeverLeaves(t *testing.T) {
	for _, at := range []geo.Offset{2049, 2500, 3072} {
		for _, from := range []geo.Offset{1, 2049, 2300, 3072} {
			provingLog(t, 5000, func(t *testing.T, log *proofLog) {
				log.flip(at)
				got, err := proveFrom(t, log, from)
				var block *BlockError
				if !errors.As(err, &block) || block.Block != 2 || block.Kind != Damaged || block.At != "eu-west" || block.Log != ordersLog {
					t.Fatalf("flipped at %d, read from %d: %v", at, from, err)
				}
				consecutive(t, got, from, max(from-1, 2048))
			})
		}
	}
}

func TestAWrongSealStopsItsBlock(t *testing.T) {
	provingLog(t, 3000, func(t *testing.T, log *proofLog) {
		seal := log.seals[1]
		seal.Digest[3] ^= 8
		log.seals[1] = seal
		got, err := proveFrom(t, log, 1)
		var block *BlockError
		if !errors.As(err, &block) || block.Block != 1 || block.Kind != Damaged {
			t.Fatal(err)
		}
		consecutive(t, got, 1, 1024)
	})
}

func TestAMissingEntryIsLackingUnlessItsDeletionIsRecorded(t *testing.T) {
	for _, at := range []geo.Offset{1025, 1600, 2047, 2048} {
		provingLog(t, 3000, func(t *testing.T, log *proofLog) {
			kept := log.at(at)
			log.remove(at)
			got, err := proveFrom(t, log, 1)
			var block *BlockError
			if !errors.As(err, &block) || block.Block != 1 || block.Kind != Lacking || fmt.Sprint(block.Missing) != fmt.Sprint(geo.Ranges{{First: at, Last: at}}) {
				t.Fatalf("without %d: %v", at, err)
			}
			consecutive(t, got, 1, 1024)
			log.change(func() { log.entries[at] = kept })
			log.deleteEntries(t, at)
			if got, err = proveFrom(t, log, 1); err != nil || len(got) != 2999 {
				t.Errorf("with the deletion of %d: %d entries, %v", at, len(got), err)
			}
		})
	}
}

func TestADeletionOfAnotherEntryProvesNothing(t *testing.T) {
	provingLog(t, 3000, func(t *testing.T, log *proofLog) {
		log.flip(1500)
		log.deleteEntries(t, 1500)
		_, err := proveFrom(t, log, 1)
		var block *BlockError
		if !errors.As(err, &block) || block.Kind != Damaged {
			t.Error(err)
		}
	})
}

// TestTheLogsLastEntriesMayBeDeleted is about a block whose end never comes:
// nothing says so but the Deletions.
func TestTheLogsLastEntriesMayBeDeleted(t *testing.T) {
	provingLog(t, 2048, func(t *testing.T, log *proofLog) {
		log.deleteEntries(t, 2040, 2046, 2047, 2048)
		got, err := proveFrom(t, log, 1)
		if err != nil || len(got) != 2044 {
			t.Fatalf("%d entries, %v", len(got), err)
		}
		log.remove(2045) // and nothing says why
		got, err = proveFrom(t, log, 1)
		if !errors.Is(err, errLate) || len(got) != 1024 {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
}

func TestTheTailPassesAtOnce(t *testing.T) {
	provingLog(t, 1500, func(t *testing.T, log *proofLog) {
		reader, err := Prove(t.Context(), ProveConfig{Log: ordersLog, At: "eu-west", Held: log}, 1400)
		if err != nil {
			t.Fatal(err)
		}
		asks := 0
		log.asked = func(geo.Block, geo.Block) { asks++ }
		began, count := time.Now(), 0
		r := rand.New(rand.NewPCG(1, 1))
		for count < 20_000 {
			entries, err := reader.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if count += len(entries); log.end() < 30_000 {
				log.publish(r, 500)
			}
		}
		if time.Since(began) > 0 || asks > 1 {
			t.Errorf("it waited %s and looked for seals %d times", time.Since(began), asks)
		}
	})
}

func TestALargeBlockIsReadTwiceAndNotHeldBack(t *testing.T) {
	large := func(t *testing.T, test func(*testing.T, *proofLog)) {
		sealing(t, 3000, func(t *testing.T, log *memLog, s *Sealer) {
			for o := geo.Offset(1025); o <= 2048; o++ {
				e := log.entries[o]
				e.Body = make([]byte, 10_000)
				log.entries[o] = e
			}
			if err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, &proofLog{memLog: log})
		})
	}
	large(t, func(t *testing.T, log *proofLog) {
		var reads []geo.Offset
		log.reading = func(from geo.Offset) { reads = append(reads, from) }
		got, err := proveFrom(t, log, 1500)
		if err != nil || fmt.Sprint(reads) != "[1025 1025]" {
			t.Fatalf("read from %v: %v", reads, err)
		}
		consecutive(t, got, 1500, 3000)
	})
	large(t, func(t *testing.T, log *proofLog) { // damaged between the two
		log.reading = func(from geo.Offset) {
			if from == 1025 {
				log.flip(1700)
			}
		}
		got, err := proveFrom(t, log, 1)
		var block *BlockError
		if !errors.As(err, &block) || block.Block != 1 || len(got) >= 1700 {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
}

func TestRetentionMayCutWhereverItWants(t *testing.T) {
	for _, first := range []geo.Offset{2, 1024, 1025, 1030, 2049, 2600} {
		provingLog(t, 5000, func(t *testing.T, log *proofLog) {
			log.cut(first)
			got, err := proveFrom(t, log, 1)
			if err != nil {
				t.Fatalf("cut before %d: %v", first, err)
			}
			consecutive(t, got, first, 5000)
		})
		provingLog(t, 5000, func(t *testing.T, log *proofLog) { // while it is read
			log.reading = func(geo.Offset) { log.cut(first) }
			got, err := proveFrom(t, log, 1)
			if err != nil {
				t.Fatalf("cut before %d meanwhile: %v", first, err)
			}
			consecutive(t, got, first, 5000)
		})
	}
}

func TestShortPatienceLosesNothing(t *testing.T) {
	provingLog(t, 5000, func(t *testing.T, log *proofLog) {
		log.pause = 2 * time.Millisecond
		reader, err := Prove(t.Context(), ProveConfig{Log: ordersLog, At: "eu-west", Held: log}, 700)
		if err != nil {
			t.Fatal(err)
		}
		var got []geo.Offset
		for late := 0; len(got) < 4301; {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
			entries, err := reader.Next(ctx)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) && late < 10_000 {
				late++
			} else if err != nil {
				t.Fatal(err)
			}
			for i := range entries {
				got = append(got, entries[i].Offset)
			}
		}
		consecutive(t, got, 700, 5000)
	})
}

func TestWhatCantBeDecodedIsDamage(t *testing.T) {
	provingLog(t, 3000, func(t *testing.T, log *proofLog) {
		log.broken = map[geo.Offset]bool{1700: true}
		got, err := proveFrom(t, log, 1)
		var block *BlockError
		if !errors.As(err, &block) || block.Block != 1 || !errors.Is(err, entry.ErrStored) {
			t.Fatal(err)
		}
		consecutive(t, got, 1, 1024)
	})
}

// TestWhatEpochsSkipIsAbsent has a log whose second epoch begins in the middle
// of a block, 4,500 offsets on.
func TestWhatEpochsSkipIsAbsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		log := newMemLog(1)
		log.publish(r, 1500)
		log.change(func() {
			log.epochs = append(log.epochs, geo.Epoch{Number: 2, PrevEnd: 1500, First: 6001})
			log.last = 6000
		})
		s := &Sealer{ID: ordersLog, Log: log}
		if err := s.Seal(t.Context()); err != nil { // nothing stands behind the holes yet
			t.Fatal(err)
		}
		log.publish(r, 1500)
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := sealedBlocks(t, log); fmt.Sprint(got) != "[0 1 5 6]" {
			t.Fatalf("sealed are %v", got)
		}
		if n := len(log.seals[1].Absent); n != 548 {
			t.Errorf("block 1 has %d absent offsets", n)
		}
		got, err := proveFrom(t, &proofLog{memLog: log}, 1)
		if err != nil || len(got) != 3000 {
			t.Errorf("%d entries, %v", len(got), err)
		}
		e := log.at(1500) // one of the old epoch comes back
		e.Offset = 1501
		log.change(func() { log.entries[1501] = e })
		if _, err = proveFrom(t, &proofLog{memLog: log}, 1); err == nil {
			t.Error("an entry between two epochs was given out")
		}
	})
}
