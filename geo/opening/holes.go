package opening

import (
	"fmt"
	"slices"

	"geomq/geo"
)

// What a power cut leaves of a log may have a hole in its middle: the file of an
// older block was not on the disk yet, that of a newer one was. Nothing can be put
// there again in place, so what others have of it makes the stream be made anew.

// survey is what a look at the origin's own stream and records has brought.
type survey struct {
	done bool
	// lacking are the offsets that hold no entry for no known reason.
	lacking geo.Ranges
	// lost are those that were written off, ever; nowhere those since the Machine was
	// made.
	lost, nowhere geo.Ranges
	kept          []Kept
	// left says why what is lacking stays as it is.
	left string
	// first, last and epochs are those of the stream before it was removed.
	first, last geo.Offset
	epochs      geo.Epochs
}

// surveyed takes in a look. Before a stream is removed it is remembered where it
// began, and by which epochs it went: the new one knows neither.
func (m *Machine) surveyed(e Surveyed) {
	s := &m.holes
	if m.own.Last > 0 && e.Own.Last == 0 {
		s.first, s.last, s.epochs = m.own.First, m.own.Last, m.own.Epochs
	}
	if s.done {
		for _, r := range e.Lost {
			for _, part := range s.lost.Without(r) {
				s.nowhere = s.nowhere.Add(part)
			}
		}
	}
	s.done, s.lacking, s.lost, s.kept = true, e.Lacking, e.Lost, e.Kept
	if e.Refused != "" {
		s.left = fmt.Sprintf("and stay so, since %s: links that need them halt with cause gap. Start the origin's node again when that is mended", e.Refused)
	}
	m.stand(e.Own)
}

// Unsurveyed tells whether the caller has to look what the origin's stream lacks: it
// has to where the tail may be lost, once.
func (m *Machine) Unsurveyed() bool { return m.doubt != "" && !m.holes.done && !m.made }

// Left are the offsets within the log that stay without an entry for no known reason,
// and why.
func (m *Machine) Left() (geo.Ranges, string) { return m.holes.lacking, m.holes.left }

// mend decides what becomes of holes in the middle; ok is false where there are none,
// or nothing can be done.
func (m *Machine) mend() (decision Decision, ok bool) {
	lacking := m.holes.lacking
	if m.doubt == "" || len(lacking) == 0 || m.holes.left != "" {
		return nil, false
	}
	nowhere := without(lacking, m.copies(func(h *holder) bool { return true }))
	unserved := without(lacking, m.copies(func(h *holder) bool { return h.ready }))
	unasked := m.unasked(len(nowhere) == 0)
	if len(unasked) > 0 && m.elapsed < m.facts.OpenWait {
		return Wait{Until: m.facts.OpenWait, For: regions(unasked), said: m.sayHoles(unasked)}, true
	}
	switch odd := m.someone(func(h *holder) bool { return h.known && h.exists && !h.agrees() }); {
	case odd != nil:
		m.holes.left = m.sayOdd(odd)
	case len(nowhere) > 0 && len(unasked) > 0, len(nowhere) == 0 && len(unserved) > 0:
		m.holes.left = m.sayUnasked(unasked)
	case len(nowhere) > 0:
		return WriteOff{Offsets: nowhere, said: m.sayWriteOff(nowhere)}, true
	default:
		return m.anew(), true
	}
	return nil, false
}

// unasked are the regions that have not said what their copies lack, or have and don't
// serve it yet.
func (m *Machine) unasked(serve bool) []*holder {
	return slices.DeleteFunc(slices.Clone(m.holders), func(h *holder) bool {
		return h.told && (!h.exists || h.looked && (h.ready || !serve))
	})
}

// copies are the offsets at which somebody among those that are meant has an entry
// of this log.
func (m *Machine) copies(meant func(*holder) bool) (have geo.Ranges) {
	for _, h := range m.holders {
		if !h.told || !h.looked || !h.agrees() || !meant(h) {
			continue
		}
		for _, r := range h.lacking.Without(geo.Range{First: h.extent.First, Last: m.reach(h.extent)}) {
			have = have.Add(r)
		}
	}
	return have
}

// anew keeps what nobody else has.
func (m *Machine) anew() Anew {
	own := geo.Ranges(nil).Add(geo.Range{First: m.own.First, Last: m.own.Last})
	keep := without(without(own, m.copies(func(h *holder) bool { return h.ready })), m.own.Epochs.Skipped())
	from := slices.DeleteFunc(slices.Clone(m.holders), func(h *holder) bool { return !h.told || !h.looked || !h.ready || !h.agrees() })
	return Anew{Lacking: m.holes.lacking, Keep: keep, From: regions(from), said: m.sayAnew(keep)}
}

// putBack tells whether the next entry is one that was set aside. It may be the first
// one of an epoch that the new stream does not know yet.
func (m *Machine) putBack() (PutBack, bool) {
	known := m.table
	if m.holes.epochs.Extends(known) {
		known = m.holes.epochs
	}
	n := len(m.own.Epochs)
	for n < len(known) && m.own.Last >= known[n].PrevEnd && m.own.Last < known[n].First {
		n++
	}
	table, next := known[:n:n], m.own.Last+1
	if latest := table.Latest(); m.own.Last >= latest.PrevEnd {
		next = max(next, latest.First)
	}
	for _, kept := range m.holes.kept {
		if kept.Range.Contains(next) && kept.Epoch == table.At(next) && (n == len(known) || next <= known[n].PrevEnd) {
			back := PutBack{Range: geo.Range{First: next, Last: kept.Range.Last}}
			if back.said = m.sayPutBack(back.Range); n > len(m.own.Epochs) {
				back.Table = table
			}
			return back, true
		}
	}
	return PutBack{}, false
}

// putBackDone takes a put-back that brought nothing for the last one.
func (m *Machine) putBackDone(e Returned) {
	if e.Own.Last <= m.own.Last {
		m.holes.kept = nil
	}
	m.pulled = m.pulled || e.Own.Last > m.own.Last
	m.stand(e.Own)
}

// gives is how far a copy can be pulled from: to where it lacks something itself.
func (m *Machine) gives(h *holder) geo.Offset {
	reach, next := m.reach(h.extent), m.own.Last+1
	for _, r := range h.lacking {
		for _, part := range m.holes.lost.Without(r) {
			if part.Last >= next {
				return min(reach, max(part.First, next)-1)
			}
		}
	}
	return reach
}

// without are the offsets of all that are not in some.
func without(all, some geo.Ranges) (left geo.Ranges) {
	for _, r := range all {
		for _, part := range some.Without(r) {
			left = left.Add(part)
		}
	}
	return left
}
