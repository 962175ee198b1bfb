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
		return !h.told || h.spent || !h.agrees() || m.furthest(h) <= m.position(m.own) ||
			m.start(h) > m.gives(h)+1 // what it has is of no epoch any more
	})
	connects := func(h *holder) bool { return m.start(h) <= next }
	if slices.ContainsFunc(ahead, connects) {
		ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return !connects(h) })
	}
	if len(ahead) == 0 {
		return PullBack{}, false
	}
	through := geo.Offset(0)
	for _, h := range ahead {
		through = max(through, m.gives(h))
	}
	ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return m.gives(h) < through })
	slices.SortStableFunc(ahead, func(a, b *holder) int {
		return cmp.Or(cmp.Compare(m.start(a), m.start(b)), -cmp.Compare(len(a.extent.Epochs), len(b.extent.Epochs)))
	})
	pull := PullBack{First: m.start(ahead[0]), Through: through}
	ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return m.start(h) > pull.First })
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

// start is the first offset that the holder can give of those that are still to come.
// What retention had removed here before the stream was made anew is not fetched.
func (m *Machine) start(h *holder) geo.Offset {
	return max(m.own.Last+1, h.extent.First, m.holes.first)
}

// furthest is position where what the holder lacks itself is not there.
func (m *Machine) furthest(h *holder) geo.Offset {
	if given := m.gives(h); given < m.reach(h.extent) {
		return given
	}
	return m.position(h.extent)
}
