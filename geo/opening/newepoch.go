package opening

import (
	"fmt"

	"geomq/geo"
)

// newEpoch plans the epoch in which the log goes on.
func (m *Machine) newEpoch() NewEpoch {
	epoch := geo.Epoch{
		Number:  m.number(),
		PrevEnd: max(m.own.Last, m.table.Latest().First-1),
		First:   1,
	}
	// A log that nobody asked has ever heard of begins at its beginning.
	if floor := m.floor(); floor > 0 || m.doubt != "" {
		epoch.First = floor + geo.Offset(m.facts.Margin) + 1
	}
	table := append(m.table[:len(m.table):len(m.table)], epoch)
	m.decided = table
	decision := NewEpoch{
		Epoch: epoch, Table: table,
		Retire: m.retired(), Skip: geo.Range{First: m.own.Last + 1, Last: epoch.First - 1},
		Lacking: table.Skipped().Without(geo.Range{First: m.own.Last + 1, Last: epoch.First - 1}),
		Lost:    m.count(), Nowhere: m.holes.nowhere, Why: m.why(),
	}
	decision.said = m.sayNewEpoch(decision)
	return decision
}

// giveUp parts with holders whose epochs count on entries that could not be
// fetched. With the table and without the entries the origin would seem to have
// trimmed what it never had, and make every holder trim it. Left to contradict,
// they halt and keep everything. It tells whether there was one: without it, another
// may fit.
func (m *Machine) giveUp() bool {
	gave := false
	for _, h := range m.holders {
		if !h.agrees() || len(h.extent.Epochs) <= len(m.own.Epochs) {
			continue
		}
		if e := h.extent.Epochs.Latest(); m.position(m.own) < e.First-1 {
			gave = true
			h.contradicts = fmt.Sprintf("its epoch %d begins behind %d, and not everything up to there could be fetched", e.Number, e.PrevEnd)
			if h.silence != "" {
				h.contradicts += " (" + h.silence + ")"
			}
		}
	}
	m.judge()
	return gave
}

// number is above all that anybody knows. Where somebody could not be asked or
// contradicts, the same number may stand elsewhere for another life of the log:
// then it is one that only this opening was given.
func (m *Machine) number() uint64 {
	number, certain := m.table.Latest().Number, true
	for _, h := range m.holders {
		certain = certain && h.told && (!h.exists || h.agrees())
		if !h.known || !h.exists {
			continue
		}
		for _, e := range h.extent.Epochs {
			if e.Number < maxNumber {
				number = max(number, e.Number)
			}
		}
	}
	if number++; certain {
		return number
	}
	return max(number, m.facts.Hint)
}

// floor is the last offset that somebody has or was promised.
func (m *Machine) floor() geo.Offset {
	floor := max(m.own.Last, m.holes.last, m.table.Latest().First-1)
	for _, h := range m.holders {
		if h.known && h.exists && h.extent.Last < beyond {
			floor = max(floor, h.extent.Last)
		}
	}
	if note := m.facts.Note; note.Known {
		floor = max(floor, min(max(note.Seen, note.Ceiling), beyond))
	}
	return floor
}

// retired are the origin's own entries that epochs it had lost leave out.
func (m *Machine) retired() geo.Ranges {
	if len(m.own.Epochs) == len(m.table) {
		return nil
	}
	next := m.table[len(m.own.Epochs)]
	return geo.Ranges(nil).Add(geo.Range{First: max(next.PrevEnd+1, m.own.First), Last: min(m.own.Last, next.First-1)})
}

// count says how many entries were acknowledged and are with nobody who told.
func (m *Machine) count() Lost {
	note, end := m.facts.Note, m.position(m.own)
	for _, h := range m.holders {
		if h.agrees() {
			end = max(end, m.position(h.extent))
		}
	}
	if !note.Known || note.Stale || end > note.Ceiling {
		return Lost{}
	}
	lost := Lost{Known: true, AtMost: uint64(note.Ceiling - end)}
	if note.Seen > end {
		lost.AtLeast = uint64(note.Seen - end)
	}
	lost.AtLeast, lost.AtMost = lost.AtLeast+m.holes.nowhere.Len(), lost.AtMost+m.holes.nowhere.Len()
	return lost
}

func (m *Machine) why() string {
	if m.doubt != "" {
		return m.doubt
	}
	return "nothing of it is here, and not every region told whether it has a copy"
}
