package scrub

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
	"geomq/mirror"
)

// TestPatchedLogsAreTheOnesOnceWritten damages a log at random, patches it, and
// reads it from anywhere in batches of any size.
func TestPatchedLogsAreTheOnesOnceWritten(t *testing.T) {
	original := list(3*geo.BlockSize+100, 10)
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			log, patches := logOf(original), &memoryPatches{}
			for block := range geo.Block(3) {
				if patch := damage(r, log, block, original); patch != nil {
					patches.Put(t.Context(), *patch)
				}
			}
			sizes := []int{1, 10, 100, 1500}
			log.batch = func() int { return 1 + r.IntN(sizes[seed%4]) }
			shelf, err := OpenShelf(t.Context(), patches)
			if err != nil {
				t.Fatal(err)
			}
			from := geo.Offset(1 + r.IntN(len(original)))
			reader, err := shelf.Serve(log).Read(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			for next := from; next <= log.last; {
				entries, err := hurried(t, r, reader)
				if err != nil {
					t.Fatalf("seed %d, from %d, at %d: %v", seed, from, next, err)
				}
				var h entry.Hasher
				for i := range entries {
					if entries[i].Offset != next || h.Entry(&entries[i]) != h.Entry(&original[next-1]) {
						t.Fatalf("seed %d, from %d: offset %d came where %d was due, or otherwise", seed, from, entries[i].Offset, next)
					}
					next++
				}
			}
		})
	}
}

// hurried is Next, now and then with the patience of a source that lingers.
func hurried(t *testing.T, r *rand.Rand, reader mirror.Reader) ([]entry.Entry, error) {
	patience := time.Minute
	if r.IntN(5) == 0 {
		patience = time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	entries, err := reader.Next(ctx)
	if errors.Is(err, context.DeadlineExceeded) && patience < time.Second {
		return nil, nil
	}
	return entries, err
}

// damage spoils offsets of block and returns the patch that makes up for it.
func damage(r *rand.Rand, log *memory, block geo.Block, original []entry.Entry) *Patch {
	within := block.Range()
	spoilt := map[geo.Offset]bool{}
	for range r.IntN(5) {
		first := within.First + geo.Offset(r.IntN(geo.BlockSize))
		last := min(first+geo.Offset([]int{0, 0, 1, 5, 300, 1024}[r.IntN(6)]), within.Last)
		kind := r.IntN(3)
		for o := first; o <= last; o++ {
			if spoilt[o] {
				continue
			}
			switch spoilt[o] = true; kind {
			case 0:
				log.lose(geo.Range{First: o, Last: o})
			case 1:
				log.flip(o)
			case 2:
				log.broken[o] = true
			}
		}
	}
	patch := Patch{Block: block}
	for o := within.First; o <= within.Last; o++ {
		if spoilt[o] {
			patch.Entries = append(patch.Entries, original[o-1])
		}
	}
	if len(patch.Entries) == 0 {
		return nil
	}
	return &patch
}

func TestWithoutPatchesEntriesPassUncopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logOf(list(3000, 10))
		shelf, _ := OpenShelf(t.Context(), &memoryPatches{})
		reader, err := shelf.Serve(log).Read(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := reader.Next(t.Context())
		if err != nil || len(entries) != 100 || entries[0].Offset != 5 {
			t.Errorf("%d entries, %v", len(entries), err)
		}
	})
}

func TestAnUnreadableEntryWithoutAPatchIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logOf(list(3000, 10))
		log.broken[50] = true
		patches := &memoryPatches{}
		patches.Put(t.Context(), Patch{Block: 1, Entries: list(1100, 10)[1030:1040]})
		shelf, _ := OpenShelf(t.Context(), patches)
		reader, err := shelf.Serve(log).Read(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if entries, err := reader.Next(t.Context()); err != nil || len(entries) != 49 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		if _, err = reader.Next(t.Context()); !errors.Is(err, entry.ErrStored) {
			t.Error(err)
		}
	})
}

func TestADamagedPatchIsNotServedAndIsMadeAgain(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		s.log.flip(1500)
		s.run(time.Minute)
		parts := s.patches.parts[1]
		parts[0][len(parts[0])-5] ^= 1
		if err := s.served(1); !errors.Is(err, ErrPatch) {
			t.Errorf("served with a damaged patch: %v", err)
		}
		s.restart()
		if status := s.run(2 * time.Minute); len(status.Broken) != 1 || status.Broken[0].From != "us-east" {
			t.Fatalf("%+v", status)
		}
		if err := s.served(1); err != nil {
			t.Error(err)
		}
	})
}

// TestAPatchThatVanishedIsForgotten is about a store that lost a record.
func TestAPatchThatVanishedIsForgotten(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		s.log.flip(1500)
		s.run(time.Minute)
		s.patches.Drop(t.Context(), 1)
		if err := s.served(1); err == nil || len(s.shelf.Blocks()) > 0 {
			t.Errorf("%v, blocks %v", err, s.shelf.Blocks())
		}
		if fmt.Sprint(s.run(2 * time.Minute).Broken[0].From) != "us-east" || s.served(1) != nil {
			t.Error("it was not patched again")
		}
	})
}

// TestAPatchBehindAHoleIsNotOverlooked has a block that ends in holes behind its
// last patched entry, and a next block whose first entry is flipped.
func TestAPatchBehindAHoleIsNotOverlooked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		original := list(3000, 10)
		log, patches := logOf(original), &memoryPatches{}
		log.lose(geo.Range{First: 1000, Last: 1024})
		log.flip(1025)
		patches.Put(t.Context(), Patch{Block: 0, Entries: original[999:1000]})
		patches.Put(t.Context(), Patch{Block: 1, Entries: original[1024:1025]})
		shelf, _ := OpenShelf(t.Context(), patches)
		for _, from := range []geo.Offset{1, 990, 1001, 1025} {
			reader, err := shelf.Serve(log).Read(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			var h entry.Hasher
			for next := from; next <= 3000; next++ {
				if next == 1001 {
					next = 1025
				}
				entries, err := reader.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for i := range entries {
					if next == 1001 {
						next = 1025
					}
					if entries[i].Offset != next || h.Entry(&entries[i]) != h.Entry(&original[next-1]) {
						t.Fatalf("from %d: offset %d came where %d was due, or otherwise", from, entries[i].Offset, next)
					}
					next++
				}
				next--
			}
		}
	})
}
