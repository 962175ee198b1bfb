package gateway

import (
	"cmp"
	"slices"
	"time"

	"geomq/geo"
)

// A region that is ordered by its round trip overtakes another one only if it is
// clearly nearer, so that the order doesn't follow every measurement.
const (
	clearly      = 0.75
	clearlyAtAll = 2 * time.Millisecond
)

// rank is a region's place by its round trip.
type rank struct {
	region geo.Region
	trip   time.Duration // of its nearest backend, 0 where none is known
}

// Choose returns the backends to try for a new connection, the best first. Those
// that must not be reached are not among them.
func (m *Machine) Choose() []Backend {
	candidates := slices.DeleteFunc(slices.Clone(m.backends), func(h *health) bool { return h.state.tier() == never })
	slices.SortStableFunc(candidates, m.better)
	backends := make([]Backend, len(candidates))
	for i, h := range candidates {
		backends[i] = h.Backend
	}
	return backends
}

// better compares two backends for a new connection.
func (m *Machine) better(a, b *health) int {
	return cmp.Or(
		compare(a.state.tier(), b.state.tier()),
		compare(m.place(a.Region), m.place(b.Region)),
		compare(doubt(a.state), doubt(b.state)),
		compare(a.Preference, b.Preference),
		compare(a.open-a.ending, b.open-b.ending),
		compare(a.trip, b.trip),
	)
}

// doubt orders the states within a tier.
func doubt(s State) int {
	switch s {
	case StateUp, StateRecovering, StateRefusing:
		return 0
	case StateUnknown, StateUnready, StateDead:
		return 1
	}
	return 2
}

// place is a region's place among all: the own one, then the preferred ones, then
// the rest by round trip.
func (m *Machine) place(region geo.Region) int {
	if region == m.terms.Region {
		return -1
	}
	if i := slices.Index(m.terms.Prefer, region); i >= 0 {
		return i
	}
	i := slices.IndexFunc(m.order, func(r rank) bool { return r.region == region })
	return len(m.terms.Prefer) + max(i, 0)
}

// rank brings the regions into the order of their round trips, with reluctance.
func (m *Machine) rank() {
	trips := map[geo.Region]time.Duration{}
	for _, h := range m.backends {
		if best, ok := trips[h.Region]; !ok || best == 0 || h.trip != 0 && h.trip < best {
			trips[h.Region] = h.trip
		}
		if !slices.ContainsFunc(m.order, func(r rank) bool { return r.region == h.Region }) {
			m.order = append(m.order, rank{region: h.Region})
		}
	}
	m.order = slices.DeleteFunc(m.order, func(r rank) bool { _, ok := trips[r.region]; return !ok })
	for i := range m.order {
		m.order[i].trip = trips[m.order[i].region]
	}
	for i := 1; i < len(m.order); i++ {
		for j := i; j > 0 && m.order[j].nearer(m.order[j-1]); j-- {
			m.order[j], m.order[j-1] = m.order[j-1], m.order[j]
		}
	}
}

// nearer tells whether r is so much nearer than other that it overtakes it.
func (r rank) nearer(other rank) bool {
	if r.trip == 0 || other.trip == 0 {
		return r.trip != 0
	}
	return float64(r.trip) < clearly*float64(other.trip) && other.trip-r.trip >= clearlyAtAll
}

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }
