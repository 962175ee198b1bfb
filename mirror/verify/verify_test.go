package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"
)

func TestEqualHoldersAreClean(t *testing.T) {
	list := without(listed(2500), 7, 1024, 1025)
	report := verified(t, holder("us-east", list).sealAll(), holder("eu-west", list).sealAll(), holder("ap-south", list))
	if report.Outcome != Clean || report.Offsets != 2500 || report.Entries != 2497 || report.Seals != 4 {
		t.Fatalf("%s: %+v", report, report)
	}
}

func TestAChangedEntryIsNamedWithItsSides(t *testing.T) {
	list := listed(3000)
	report := verified(t, holder("us-east", list), holder("eu-west", changed(list, 2049)), holder("ap-south", list))
	if report.Outcome != Different || report.DifferingBlocks != 1 {
		t.Fatalf("%s", report)
	}
	d := report.Differences[0]
	if d.Block != 2 || d.First != 2049 || d.Offsets != 1 || len(d.Sides) != 2 {
		t.Fatalf("%+v", d)
	}
	var h entry.Hasher
	right := d.Sides[0]
	if !right.Origin || !right.Majority || len(right.Regions) != 2 || right.Digest != FormatDigest(h.Entry(&list[2048])) {
		t.Errorf("the side of the origin: %+v", right)
	}
	if wrong := d.Sides[1]; wrong.Origin || wrong.Majority || wrong.Regions[0] != "eu-west" {
		t.Errorf("the other side: %+v", wrong)
	}
}

func TestAMissingEntryIsADifferenceAndNotAHole(t *testing.T) {
	list := listed(2000)
	report := verified(t, holder("us-east", list), holder("eu-west", without(list, 1500)))
	if report.Outcome != Different || report.Differences[0].First != 1500 {
		t.Fatalf("%s", report)
	}
	if text := report.Differences[0].String(); !strings.Contains(text, "eu-west without an entry") {
		t.Errorf("%s", text)
	}
}

func TestAllHoldersWithTheSameDamageStillBreakTheSeal(t *testing.T) {
	list := listed(2048)
	origin := holder("us-east", list).sealAll()
	origin.entries = holder("", changed(list, 1100)).entries
	report := verified(t, origin, holder("eu-west", changed(list, 1100)))
	if report.Outcome != Different || report.DifferingBlocks != 1 {
		t.Fatalf("%s", report)
	}
	d := report.Differences[0]
	if d.Block != 1 || d.First != 0 || len(d.BreakSeal) != 1 || d.BreakSeal[0] != "us-east" {
		t.Errorf("%+v", d)
	}
}

func TestASoleHolderIsHeldToItsSeals(t *testing.T) {
	list := listed(1024)
	origin := holder("us-east", list).sealAll()
	if report := verified(t, origin); report.Outcome != Clean {
		t.Errorf("%s", report)
	}
	delete(origin.entries, 3)
	if report := verified(t, origin); report.Outcome != Different {
		t.Errorf("a lost entry: %s", report)
	}
}

func TestManyDifferencesAreCountedAndTheFirstTold(t *testing.T) {
	list := listed(10 * geo.BlockSize)
	bad := list
	for b := range geo.Block(10) {
		bad = changed(bad, b.Range().First+5)
	}
	report := verified(t, holder("us-east", list), holder("eu-west", bad))
	if report.DifferingBlocks != 10 || len(report.Differences) != Drill {
		t.Fatalf("%d blocks, %d told", report.DifferingBlocks, len(report.Differences))
	}
}

func TestWhatSomeoneLacksIsListedAndNotCompared(t *testing.T) {
	list := listed(3000)
	trimmed, behind := holder("eu-west", list), holder("ap-south", list[:2000])
	trimmed.first = 1101
	report := verified(t, holder("us-east", list), trimmed, behind)
	if report.Outcome != Clean || report.Compared != (geo.Range{First: 1101, Last: 2000}) || report.Holders[2].BehindBy != 1000 {
		t.Fatalf("%s: %+v", report, report)
	}
	want := []Lacking{
		{"eu-west", geo.Range{First: 1, Last: 1100}, ReasonTrimmed},
		{"ap-south", geo.Range{First: 2001, Last: 3000}, ReasonBehind},
	}
	if fmt.Sprint(report.NotComparable) != fmt.Sprint(want) {
		t.Errorf("lacking %v, want %v", report.NotComparable, want)
	}
}

func TestAReplicaAheadOfItsOriginIsADifference(t *testing.T) {
	report := verified(t, holder("us-east", listed(2000)), holder("eu-west", listed(2003)), holder("ap-south", listed(1990)))
	if report.Outcome != Different || report.DifferingBlocks != 0 {
		t.Fatalf("%s", report)
	}
	if text := report.String(); !strings.Contains(text, "us-east has lost 2001…2003") {
		t.Errorf("%s", text)
	}
}

func TestAnEmptyReplicaProvesNothing(t *testing.T) {
	report := verified(t, holder("us-east", listed(10)), holder("eu-west", nil))
	if report.Outcome != Incomplete || report.Holders[1].BehindBy != 10 {
		t.Errorf("%s", report)
	}
	created := holder("eu-west", nil)
	created.extent = func() (geo.Extent, error) { return geo.Extent{First: 0, Last: 0}, nil } // some streams say so
	if report := verified(t, holder("us-east", nil), created); report.Outcome != Clean || len(report.NotComparable) > 0 {
		t.Errorf("empty everywhere: %s", report)
	}
}

// TestTrimmingDuringVerificationIsNoDifference has a replica trim its first
// entries before its digests are read; its extent says so only a second later.
func TestTrimmingDuringVerificationIsNoDifference(t *testing.T) {
	for _, to := range []geo.Offset{2, 1000, 1025, 1500, 2049} {
		list := listed(2500)
		replica := holder("eu-west", list).sealAll()
		replica.before = func(uint64) { replica.first = to }
		asked := 0
		replica.extent = func() (geo.Extent, error) {
			if asked++; asked <= 2 {
				return geo.Extent{First: 1, Last: 2500}, nil
			}
			return geo.Extent{First: to, Last: 2500}, nil
		}
		report := verified(t, holder("us-east", list), replica)
		last := report.NotComparable[len(report.NotComparable)-1]
		if report.Outcome != Clean || last != (Lacking{"eu-west", geo.Range{First: 1, Last: to - 1}, ReasonTrimming}) {
			t.Errorf("trimmed to %d: %s, %v", to, report, report.NotComparable)
		}
	}
}

func TestADifferenceBehindTheTrimmedPartIsFound(t *testing.T) {
	list := listed(1024)
	replica := holder("eu-west", changed(list, 700)).sealAll()
	replica.before = func(uint64) { replica.first = 300 }
	report := verified(t, holder("us-east", list), replica)
	if report.Outcome != Different || report.Differences[0].First != 700 || report.Differences[0].Offsets != 1 {
		t.Fatalf("%s: %+v", report, report.Differences)
	}
	if broken := report.Differences[0].BreakSeal; broken != nil {
		t.Errorf("a seal of the whole block was held against a part of it, for %v", broken)
	}
}

// TestTrimmingBehindManyDifferencesIsNotCounted has five blocks that really
// differ, then two that are trimmed before they are read.
func TestTrimmingBehindManyDifferencesIsNotCounted(t *testing.T) {
	list := listed(9 * geo.BlockSize)
	bad := list
	for b := range geo.Block(Drill) {
		bad = changed(bad, b.Range().First)
	}
	replica := holder("eu-west", bad)
	trimmedTo := geo.Offset(1)
	replica.extent = func() (geo.Extent, error) { return geo.Extent{First: trimmedTo, Last: replica.last}, nil }
	replica.forge = func(_ uint64, s *Stretch) error {
		if block := geo.BlockOf(s.Range.First); block == 5 || block == 6 {
			s.Digest, s.Entries = entry.Digest{}, 0
		}
		return nil
	}
	report, err := Verify(t.Context(), orders, []Holder{holder("us-east", list), replica}, func(done, _ uint64) {
		if done == Drill*geo.BlockSize {
			trimmedTo = geo.Block(7).Range().First
		}
	})
	if err != nil || report.DifferingBlocks != Drill {
		t.Errorf("%v, %d blocks differ, want %d", err, report.DifferingBlocks, Drill)
	}
}

// TestAHolderThatFailsLeavesTheReportIncomplete is about every way in which a
// holder can fail to prove what it has. The damage in it must still be found
// between the other two.
func TestAHolderThatFailsLeavesTheReportIncomplete(t *testing.T) {
	for name, spoil := range map[string]func(*memory){
		"unreachable": func(m *memory) { m.extent = func() (geo.Extent, error) { return geo.Extent{}, errCut } },
		"cut in the middle": func(m *memory) {
			m.forge = func(_ uint64, s *Stretch) error {
				if s.Range.First > 1024 {
					return errCut
				}
				return nil
			}
		},
		"cut behind the last piece": func(m *memory) { m.forge = cutAtEnd },
		"another range": func(m *memory) {
			m.forge = func(_ uint64, s *Stretch) error { s.Range.First++; return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			list := listed(3000)
			failing := holder("eu-west", list)
			spoil(failing)
			report := verified(t, holder("us-east", list), failing, holder("ap-south", list))
			if report.Outcome != Incomplete || report.Holders[1].Problem == "" || report.Offsets != 3000 {
				t.Fatalf("%s: %+v", report, report)
			}
			report = verified(t, holder("us-east", list), failing, holder("ap-south", changed(list, 2999)))
			if report.Outcome != Different || report.Differences[0].First != 2999 {
				t.Errorf("with damage at 2999: %s", report)
			}
		})
	}
}

func cutAtEnd(_ uint64, s *Stretch) error {
	if s.Range.Last == 3000 {
		return errCut
	}
	return nil
}

// silent answers with nothing at all and without an error.
type silent struct{ *memory }

func (silent) Digests(context.Context, geo.CommitLog, geo.Range, uint64, func(Stretch) error) error {
	return nil
}

// talkative goes on beyond what it was asked for.
type talkative struct{ *memory }

func (h talkative) Digests(ctx context.Context, log geo.CommitLog, r geo.Range, step uint64, yield func(Stretch) error) error {
	if err := h.memory.Digests(ctx, log, r, step, yield); err != nil {
		return err
	}
	return yield(Stretch{Range: geo.Range{First: r.Last + 1, Last: r.Last + 1}})
}

func TestAnAnswerOfTheWrongLengthIsNoProof(t *testing.T) {
	list := listed(1500)
	for _, h := range []Holder{silent{holder("eu-west", list)}, talkative{holder("eu-west", list)}} {
		report := verified(t, holder("us-east", list), h)
		if report.Outcome != Incomplete || !strings.Contains(report.Holders[1].Problem, ErrAnswer.Error()) {
			t.Errorf("%T: %s", h, report)
		}
	}
}

func TestABlockThatDiffersOnceOnlyIsStillReported(t *testing.T) {
	list := listed(1024)
	flaky := holder("eu-west", list)
	flaky.forge = func(step uint64, s *Stretch) error {
		if step > 1 {
			s.Digest[0] ^= 1
		}
		return nil
	}
	report := verified(t, holder("us-east", list), flaky)
	if report.Outcome != Different || !strings.Contains(report.String(), "differed once") {
		t.Errorf("%s", report)
	}
}

func TestCancellingEndsVerify(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	list := listed(5000)
	_, err := Verify(ctx, orders, []Holder{holder("us-east", list), holder("eu-west", list)}, func(done, _ uint64) {
		if done >= 2048 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestTheSameRegionTwiceOrNobodyIsRefused(t *testing.T) {
	for _, holders := range [][]Holder{nil, {holder("us-east", nil), holder("us-east", nil)}} {
		if _, err := Verify(t.Context(), orders, holders, nil); !errors.Is(err, ErrHolders) {
			t.Errorf("%d holders: %v", len(holders), err)
		}
	}
}
