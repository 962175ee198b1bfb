package opening

import (
	"cmp"
	"slices"

	"geomq/geo"
)

// pullBack tells whether somebody has what the origin lacks, and whom to fetch it
// from: all who have everything up to the furthest end.
func (m *Machine) pullBack() (PullBack, bool) {
	ahead := slices.DeleteFunc(slices.Clone(m.holders), func(h *holder) bool {
		return !h.told || h.spent || !h.agrees() || m.position(h.extent) <= m.position(m.own)
	})
	next := m.own.Last + 1
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
	first := ahead[0].start(next)
	ahead = slices.DeleteFunc(ahead, func(h *holder) bool { return h.start(next) > first })
	return PullBack{From: regions(ahead), First: first, Through: through, said: m.sayPullBack(ahead, first, through)}, true
}

// start is the first offset that the holder can give of those from next on.
func (h *holder) start(next geo.Offset) geo.Offset { return max(next, h.extent.First) }
