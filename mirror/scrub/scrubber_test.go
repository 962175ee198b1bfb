package scrub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

// inTime runs test in fake time on a log of n entries.
func inTime(t *testing.T, n int, test func(*setting)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newSetting(t, n)) })
}

func TestAWellLogIsReadRoundByRound(t *testing.T) {
	inTime(t, 5000, func(s *setting) {
		status := s.run(time.Minute)
		if status.Blocks != 4 || status.Failures != 0 || status.Round.IsZero() || len(status.Broken) > 0 || status.Problem != "" {
			t.Errorf("after a minute: %+v", status)
		}
		s.restart()
		if status = s.run(25 * time.Minute); status.Blocks != 12 {
			t.Errorf("after two pauses of %s: %d blocks", defaultEvery, status.Blocks)
		}
	})
}

func TestAFlippedBitIsServedRightAndToldUntilMended(t *testing.T) {
	inTime(t, 5000, func(s *setting) {
		s.log.flip(1500)
		if err := s.served(1); err == nil {
			t.Fatal("a damaged block was given out")
		}
		status := s.run(time.Minute)
		if status.Failures != 1 || status.Repaired != 1 || len(status.Broken) != 1 {
			t.Fatalf("%+v", status)
		}
		f := status.Broken[0]
		if f.Block != 1 || f.Kind != mirror.Damaged || f.From != "us-east" || f.Since.IsZero() || fmt.Sprint(status.Offsets()) != "[1025…2048]" {
			t.Errorf("%+v", f)
		}
		if text := f.String(); !strings.Contains(text, "entries of us-east are served") || !strings.Contains(text, "`geomq log repair ORDERS@us-east --region eu-west`") {
			t.Error(text)
		}
		if patch, _ := s.patches.Get(t.Context(), 1); len(patch.Entries) != 1 || patch.Entries[0].Offset != 1500 {
			t.Errorf("the patch holds %d entries", len(patch.Entries))
		}
		for _, from := range []geo.Offset{1, 1025, 1499, 1500, 1501, 4000} {
			if err := s.served(from); err != nil {
				t.Errorf("from %d: %v", from, err)
			}
		}
		since := f.Since
		s.restart() // what was found before is told at once
		if status = s.run(time.Millisecond); len(status.Broken) != 1 || !status.Broken[0].Since.Equal(since) || status.Broken[0].From != "us-east" {
			t.Errorf("after a restart: %+v", status)
		}
		s.log.mend(s.entries)
		if status = s.run(2 * time.Minute); len(status.Broken) > 0 || len(s.shelf.Blocks()) > 0 || len(s.patches.parts) > 0 {
			t.Errorf("mended: %+v", status)
		}
	})
}

func TestWhateverIsLostIsServed(t *testing.T) {
	for name, spoil := range map[string]func(*memory){
		"one entry":             func(m *memory) { m.lose(geo.Range{First: 2000, Last: 2000}) },
		"a block's beginning":   func(m *memory) { m.lose(geo.Range{First: 1025, Last: 1300}) },
		"a block's end":         func(m *memory) { m.lose(geo.Range{First: 1900, Last: 2048}) },
		"a whole block":         func(m *memory) { m.lose(geo.Range{First: 1025, Last: 2048}) },
		"across blocks":         func(m *memory) { m.lose(geo.Range{First: 900, Last: 3500}) },
		"the log's end":         func(m *memory) { m.lose(geo.Range{First: 4000, Last: 4096}) },
		"unreadable":            func(m *memory) { m.broken[1500] = true },
		"unreadable, beginning": func(m *memory) { m.broken[1025] = true },
		"unreadable, end":       func(m *memory) { m.broken[2048] = true },
		"all sorts": func(m *memory) {
			m.flip(1, 1024, 1025, 3000)
			m.lose(geo.Range{First: 1030, Last: 1032})
			for _, o := range []geo.Offset{2, 3, 1033, 1040, 4096} {
				m.broken[o] = true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, 4096, func(s *setting) {
				spoil(s.log)
				status := s.run(5 * time.Minute)
				if status.Failures == 0 || status.Repaired != status.Failures {
					t.Errorf("%+v", status)
				}
				for _, from := range []geo.Offset{1, 1024, 1025, 1500, 4096} {
					if err := s.served(from); err != nil {
						t.Errorf("from %d: %v", from, err)
					}
				}
			})
		})
	}
}

func TestADamageThatGrowsIsPatchedAgain(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		s.log.flip(1500)
		s.run(time.Minute)
		s.log.flip(1600)
		if err := s.served(1); err == nil {
			t.Fatal("a damaged entry was given out")
		}
		s.run(2 * time.Minute)
		if err := s.served(1); err != nil {
			t.Error(err)
		}
	})
}

func TestAHolderThatHasItWrongIsPassedOver(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		s.log.flip(1500)
		s.others["us-east"].flip(1100)
		if status := s.run(time.Minute); len(status.Broken) != 1 || status.Broken[0].From != "ap-south" {
			t.Fatalf("%+v", status)
		}
		if err := s.served(1); err != nil {
			t.Error(err)
		}
	})
}

func TestWhereNobodyHasItTheFailureSaysSoAndIsTriedAgain(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		s.log.flip(1500)
		s.others["us-east"].flip(1500, 1501)
		cut := s.others["ap-south"]
		delete(s.others, "ap-south")
		status := s.run(30 * time.Second)
		if len(status.Broken) != 1 || status.Broken[0].From != "" || status.Repaired != 0 || !strings.Contains(status.Broken[0].String(), "ap-south: the connection was cut") {
			t.Fatalf("%+v", status)
		}
		if err := s.served(1); err == nil {
			t.Error("it was served")
		}
		s.others["ap-south"] = cut
		if status = s.run(2 * time.Minute); status.Failures != 1 || status.Repaired != 1 {
			t.Errorf("%+v", status)
		}
	})
}

func TestAWrongSealIsNoReasonToPatch(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		seal := s.log.seals[1]
		seal.Digest[0] ^= 1
		s.log.seals[1] = seal
		status := s.run(time.Minute)
		if len(status.Broken) != 1 || len(s.shelf.Blocks()) > 0 || !strings.Contains(status.Broken[0].Problem, "the seal itself may be damaged") {
			t.Errorf("%+v", status)
		}
	})
}

func TestASealThatCantBeReadDoesNotHideTheOthers(t *testing.T) {
	inTime(t, 10_000, func(s *setting) {
		s.log.lostSeals[4] = true
		s.log.flip(2500, 7000)
		status := s.run(5 * time.Minute)
		if len(status.Broken) != 2 || status.Repaired != 2 {
			t.Errorf("%+v", status)
		}
	})
}

func TestADeletedEntryIsNotMissed(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		var h entry.Hasher
		gone := s.entries[1499]
		s.log.deletions = []geo.Deletion{{Number: 1, Block: 1, Offsets: []geo.Offset{1500}, Digests: [][16]byte{h.Entry(&gone)}}}
		s.log.lose(geo.Range{First: 1500, Last: 1500})
		if status := s.run(time.Minute); status.Failures != 0 {
			t.Fatalf("%+v", status)
		}
		s.log.flip(1600) // the other holders still have the deleted entry
		if status := s.run(time.Minute); status.Repaired != 0 {
			t.Fatalf("%+v", status)
		}
		s.restart()
		if status := s.run(time.Minute); status.Repaired != 1 {
			t.Fatalf("%+v", status)
		}
		if patch, _ := s.patches.Get(t.Context(), 1); len(patch.Entries) != 1 || patch.Entries[0].Offset != 1600 {
			t.Errorf("the patch brings back what was deleted: %d entries", len(patch.Entries))
		}
	})
}

// TestAnEntryTooManyIsDropped has an entry where the origin sealed a hole.
func TestAnEntryTooManyIsDropped(t *testing.T) {
	inTime(t, 3000, func(s *setting) {
		var h entry.Hasher
		digests := make([]entry.Digest, geo.BlockSize)
		for o := geo.Offset(1025); o <= 2048; o++ {
			if o != 1300 {
				digests[o-1025] = h.Entry(&s.entries[o-1])
			}
		}
		seal := geo.Seal{Block: 1, Digest: entry.Combine(digests), Absent: []geo.Offset{1300}}
		s.log.seals[1] = seal
		for _, other := range s.others {
			other.lose(geo.Range{First: 1300, Last: 1300})
		}
		if status := s.run(time.Minute); status.Repaired != 1 {
			t.Fatalf("%+v", status)
		}
		if err := s.served(1); err == nil || !strings.Contains(err.Error(), "offset 1301 came where 1300 was due") {
			t.Error(err)
		}
	})
}

func TestTheNewestBlocksComeFirstAfterAStart(t *testing.T) {
	inTime(t, 300*geo.BlockSize, func(s *setting) {
		s.cfg.Recent = 270 * geo.BlockSize * time.Second // one entry a second
		s.restart()
		s.log.batch = func() int { return 1 << 20 }
		s.log.read = nil
		s.run(30 * time.Second)
		first := slices.Index(s.log.read, geo.Block(29).Range().First)
		oldest := slices.Index(s.log.read, 1)
		if first < 0 || oldest < first {
			t.Errorf("reading began at %v", s.log.read[:min(len(s.log.read), 40)])
		}
	})
}

func TestRetentionTakesFailuresAlong(t *testing.T) {
	inTime(t, 5000, func(s *setting) {
		s.log.flip(100, 3000)
		s.run(time.Minute)
		s.log.change(func() { s.log.first = 1500 })
		s.log.lose(geo.Range{First: 1, Last: 1499})
		if status := s.run(2 * time.Minute); len(status.Broken) != 1 || status.Broken[0].Block != 2 || fmt.Sprint(s.shelf.Blocks()) != "[2]" {
			t.Errorf("%+v, patches of %v", status.Broken, s.shelf.Blocks())
		}
	})
}

func TestABrokerThatIsDownIsAProblemAndNoDamage(t *testing.T) {
	inTime(t, 5000, func(s *setting) {
		s.log.down = errCut
		if status := s.run(time.Minute); !strings.Contains(status.Problem, errCut.Error()) || status.Failures != 0 {
			t.Fatalf("%+v", status)
		}
		s.log.down = nil
		if status := s.run(2 * time.Minute); status.Problem != "" || status.Blocks == 0 {
			t.Errorf("%+v", status)
		}
	})
}

// TestScrubbersShareAPace has three logs of 20 blocks each: together they have to
// take as long as their bytes do.
func TestScrubbersShareAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := NewPace(1 << 20)
		const n = 20 * geo.BlockSize
		entries := list(n, 1000)
		bytes := 0
		for i := range entries {
			bytes += 3 * entries[i].Size()
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var running sync.WaitGroup
		var scrubbers []*Scrubber
		for range 3 {
			shelf, _ := OpenShelf(ctx, &memoryPatches{})
			s := New(Config{Log: orders, Region: "eu-west", Held: logOf(entries), Shelf: shelf, Pace: pace, Logger: newSetting(t, 0).cfg.Logger})
			scrubbers = append(scrubbers, s)
			running.Go(func() { s.Run(ctx) })
		}
		least := time.Duration(float64(bytes) / (1 << 20) * float64(time.Second))
		for slices.ContainsFunc(scrubbers, func(s *Scrubber) bool { return s.Status().Blocks < 20 }) {
			time.Sleep(10 * time.Millisecond)
			if time.Since(began) > 2*least {
				t.Fatal("it takes far too long")
			}
		}
		if took := time.Since(began); took < least*95/100 {
			t.Errorf("it took %s, at that rate it takes %s", took, least)
		}
		cancel()
		running.Wait()
	})
}
