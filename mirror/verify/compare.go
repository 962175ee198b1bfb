package verify

import (
	"context"

	"geomq/geo"
)

// compare judges one piece of at most a block.
func (v *verification) compare(ctx context.Context, piece geo.Range, answers row) {
	v.report.Entries += answers.mostEntries()
	v.report.Seals += answers.seals()
	broken := v.breakSeal(answers)
	if answers.agree() && len(broken) == 0 {
		return
	}
	if len(v.report.Differences) >= Drill {
		if !answers.full(piece) && v.stillHeld(ctx, piece).Len() == 0 {
			return
		}
		v.report.DifferingBlocks++
		return
	}
	if d, ok := v.examine(ctx, piece, broken); ok {
		v.report.DifferingBlocks++
		v.report.Differences = append(v.report.Differences, d)
	}
}

// stillHeld asks for the extents again and returns the part of piece that no
// holder has trimmed by now; what they have is listed as not comparable.
func (v *verification) stillHeld(ctx context.Context, piece geo.Range) geo.Range {
	before := append([]geo.Extent(nil), v.extents...)
	v.measure(ctx)
	held := piece
	for i := range v.extents {
		if v.failed[i] != nil {
			continue
		}
		first := v.extents[i].First
		if first > before[i].First {
			v.noteTrimming(v.holders[i].Region(), geo.Range{First: before[i].First, Last: first - 1})
		}
		held.First = max(held.First, first)
	}
	return held
}

// noteTrimming lists r as trimmed by region, joined to what it trimmed before.
func (v *verification) noteTrimming(region geo.Region, r geo.Range) {
	r = r.Intersect(v.report.Compared)
	if r.Len() == 0 {
		return
	}
	for i, l := range v.report.NotComparable {
		if l.Region == region && l.Reason == ReasonTrimming {
			v.report.NotComparable[i].Range.Last = r.Last
			return
		}
	}
	v.report.NotComparable = append(v.report.NotComparable, Lacking{Region: region, Range: r, Reason: ReasonTrimming})
}

// breakSeal names the holders whose entries are not what their seal says.
func (v *verification) breakSeal(answers row) []geo.Region {
	var broken []geo.Region
	for i, s := range answers {
		if s != nil && s.Sealed != nil && *s.Sealed != s.Digest {
			broken = append(broken, v.holders[i].Region())
		}
	}
	return broken
}

// agree tells whether all answers have the same digest.
func (r row) agree() bool {
	var first *Stretch
	for _, s := range r {
		switch {
		case s == nil:
		case first == nil:
			first = s
		case s.Digest != first.Digest:
			return false
		}
	}
	return true
}

// full tells whether no holder lacks an entry of piece.
func (r row) full(piece geo.Range) bool {
	for _, s := range r {
		if s != nil && s.Entries < piece.Len() {
			return false
		}
	}
	return true
}

func (r row) mostEntries() uint64 {
	most := uint64(0)
	for _, s := range r {
		if s != nil {
			most = max(most, s.Entries)
		}
	}
	return most
}

func (r row) seals() uint64 {
	n := uint64(0)
	for _, s := range r {
		if s != nil && s.Sealed != nil {
			n++
		}
	}
	return n
}
