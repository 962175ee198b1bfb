package opening

import (
	"cmp"
	"slices"

	"geomq/geo"
)

// pullBack tells whether somebody has what the origin lacks, and whom to fetch it
// from: all who have everything up to the furthest end.
func (m *Machine) pullBack() (PullBack, bool) {
	next := m.own.Last + 1
	ahead := slices.DeleteFunc(slices.Clone(m.holders), func(h *holder) bool {
		return !h.told || h.spent || !h.agrees() || m.position(h.extent) <= m.position(m.own) ||
			h.start(next) > m.reach(h.extent)+1 // what it has is of no epoch any more
	})
	connects := func(h *holder) bool { return h.extent.First <= next }
	if slices.ContainsFunc(ahead, connects) {
		ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return !connects(h) })
	}
	if len(ahead) == 0 {
		return PullBack{}, false
	}
	through := geo.Offset(0)
	for _, h := range ahead {
		through = max(through, m.reach(h.extent))
	}
	ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return m.reach(h.extent) < through })
	slices.SortStableFunc(ahead, func(a, b *holder) int {
		return cmp.Or(cmp.Compare(a.start(next), b.start(next)), -cmp.Compare(len(a.extent.Epochs), len(b.extent.Epochs)))
	})
	pull := PullBack{First: ahead[0].start(next), Through: through}
	ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return h.start(next) > pull.First })
	if pull.First > next {
		pull.Table = begun(ahead[0].extent.Epochs, pull.First)
		ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return len(h.extent.Epochs) < len(pull.Table) })
	}
	pull.From, pull.said = regions(ahead), m.sayPullBack(ahead, pull)
	return pull, true
}

// begun are the epochs of table that begin at first or before. Later ones count on
// entries that have yet to be fetched; the link adopts them on its way.
func begun(table geo.Epochs, first geo.Offset) geo.Epochs {
	n := 1
	for n < len(table) && table[n].First <= first {
		n++
	}
	return table[:n:n]
}

// start is the first offset that the holder can give of those from next on.
func (h *holder) start(next geo.Offset) geo.Offset { return max(next, h.extent.First) }
