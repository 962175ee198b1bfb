package mirror

import (
	"geomq/geo"
)

// holes is what one side of a link knows of offsets without an entry. Nobody
// takes another's word for it: the source explains by its own, the sink believes
// by its own.
type holes struct {
	// compacted says that any offset may be without an entry.
	compacted bool
	skipped   geo.Ranges // between epochs
	deleted   Offsets
	gaps      geo.Ranges // given up by the sink's operator
}

// explain takes the front of r apart into stretches that are known to be holes,
// and why; left is what remains from the first offset on that no one explains,
// and is empty if nothing remains. What lies behind it has not been looked at.
func (h *holes) explain(r geo.Range) (known []Hole, left geo.Range) {
	for left = r; left.Len() > 0; {
		hole := h.front(left)
		if hole.Range().Len() == 0 {
			break
		}
		known = append(known, hole)
		left.First = hole.Last + 1
	}
	return known, left
}

// covers tells whether all of r is known to be a hole.
func (h *holes) covers(r geo.Range) bool {
	_, left := h.explain(r)
	return left.Len() == 0
}

// front is the longest hole that begins where r does and ends within it.
func (h *holes) front(r geo.Range) Hole {
	if h.compacted {
		return Hole{First: r.First, Last: r.Last, Why: WhyCompacted}
	}
	if s := from(h.skipped, r); s.Len() > 0 {
		return Hole{First: s.First, Last: s.Last, Why: WhyEpochs}
	}
	if s := h.deleted.run(r); s.Len() > 0 {
		return Hole{First: s.First, Last: s.Last, Why: WhyDeletion}
	}
	s := from(h.gaps, r)
	return Hole{First: s.First, Last: s.Last, Why: WhyAccepted}
}

// from is the stretch of set that begins where r does, within r; empty if none
// does.
func from(set geo.Ranges, r geo.Range) geo.Range {
	for _, s := range set {
		if s.Contains(r.First) {
			return geo.Range{First: r.First, Last: min(s.Last, r.Last)}
		}
	}
	return geo.Range{First: r.First, Last: r.First - 1}
}

// add takes in a deletion.
func (h *holes) add(d *geo.Deletion) {
	for _, o := range d.Offsets {
		h.deleted.add(o)
	}
}

// count is how many offsets of r are known to hold no entry, but for what is
// compacted.
func (h *holes) count(r geo.Range) uint64 {
	sure := h.skipped
	for _, gap := range h.gaps {
		sure = sure.Add(gap)
	}
	n := sure.Intersect(r).Len()
	for _, rest := range sure.Without(r) {
		n += h.deleted.count(rest)
	}
	return n
}
