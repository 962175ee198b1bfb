package opening

import (
	"fmt"
	"slices"

	"geomq/geo"
)

// holder is another region, as far as it has told.
type holder struct {
	region geo.Region
	// told says that extent is an answer to go by; known that there was ever
	// one. A region that told and then failed has to tell again.
	told, known bool
	exists      bool
	extent      geo.Extent
	deletions   uint64
	// ready says that it serves the log, looked that it told what its copy lacks.
	ready, looked bool
	lacking       geo.Ranges
	// asked says that an ask was not answered, silence why.
	asked   bool
	silence string
	// contradicts says what of the region's copy can't be reconciled with the
	// origin's log, found out by a link; clash the same, found out from tables.
	contradicts, clash string
	// spent says that a pull from it failed when there was no time left.
	spent bool
}

// agrees tells whether the holder's copy and the origin's are one log.
func (h *holder) agrees() bool {
	return h.known && h.exists && h.contradicts == "" && h.clash == ""
}

func (m *Machine) holder(region geo.Region) *holder {
	for _, h := range m.holders {
		if h.region == region {
			return h
		}
	}
	return nil
}

func (m *Machine) told(e Told) {
	h := m.holder(e.Region)
	switch {
	case h == nil:
	case e.Problem != "":
		h.told, h.asked, h.silence = false, true, e.Problem
	default:
		h.told, h.known, h.exists, h.extent, h.deletions = true, true, e.Exists, e.Extent, e.Deletions
		h.ready, h.looked, h.lacking = e.Ready, e.Looked, e.Lacking
	}
}

// awaited are the regions that have not told.
func (m *Machine) awaited() []*holder {
	return slices.DeleteFunc(slices.Clone(m.holders), func(h *holder) bool { return h.told })
}

// judge finds the table that the log goes by, which is that of its latest life,
// who contradicts it, and whether what was told speaks against a safe tail.
func (m *Machine) judge() {
	m.table = m.own.Epochs
	for _, h := range m.holders {
		h.clash = ""
		if h.agrees() {
			h.clash = clash(h.extent, m.own)
			if before := m.holes.epochs; h.clash == "" && !before.Extends(h.extent.Epochs) && !h.extent.Epochs.Extends(before) {
				h.clash = fmt.Sprintf("its epochs %s contradict the origin's %s", h.extent.Epochs, before)
			}
		}
	}
	for _, h := range m.holders {
		if h.agrees() && h.extent.Epochs.Latest().Number > m.table.Latest().Number {
			m.table = h.extent.Epochs
		}
	}
	for _, h := range m.holders {
		if h.agrees() && !m.table.Extends(h.extent.Epochs) {
			h.clash = fmt.Sprintf("its epochs %s contradict %s", h.extent.Epochs, m.table)
		}
	}
	if m.doubt == "" && !m.made {
		m.doubt = m.refuted()
	}
}

// clash says why a holder's copy and the origin's can't be one log.
func clash(theirs, own geo.Extent) string {
	if err := theirs.Epochs.Validate(); err != nil {
		return err.Error()
	}
	if latest := theirs.Epochs.Latest(); latest.Number >= maxNumber || latest.First >= beyond {
		return fmt.Sprintf("its epochs %s are impossible", theirs.Epochs)
	}
	if theirs.Last >= beyond || theirs.First > theirs.Last+1 {
		return fmt.Sprintf("it claims to hold %d to %d", theirs.First, theirs.Last)
	}
	a, b := theirs.Epochs, own.Epochs
	switch {
	case !a.Extends(b) && !b.Extends(a):
		return fmt.Sprintf("its epochs %s contradict the origin's %s", a, b)
	case len(a) > len(b) && own.Last >= a[len(b)].First:
		return fmt.Sprintf("its epoch %d begins at %d, and the origin reached %d without it", a[len(b)].Number, a[len(b)].First, own.Last)
	}
	return ""
}

// refuted says what speaks against a safe tail, or nothing.
func (m *Machine) refuted() string {
	if m.facts.Fresh {
		if h := m.someone(func(h *holder) bool { return h.known && h.exists }); h != nil {
			return fmt.Sprintf("this region holds nothing of it, but %s does", h.region)
		}
		return ""
	}
	if note := m.facts.Note; note.Known && note.Seen > m.own.Last {
		return fmt.Sprintf("it ends at %d, but %d had been acknowledged", m.own.Last, note.Seen)
	}
	if e := m.own.Epochs.Latest(); m.own.Last < e.PrevEnd {
		return fmt.Sprintf("it ends at %d, but had reached %d before epoch %d", m.own.Last, e.PrevEnd, e.Number)
	}
	if h := m.someone(func(h *holder) bool { return h.agrees() && len(h.extent.Epochs) > len(m.own.Epochs) }); h != nil {
		return fmt.Sprintf("%s knows epochs of it that are missing here", h.region)
	}
	if h := m.someone(func(h *holder) bool { return h.agrees() && m.position(h.extent) > m.position(m.own) }); h != nil {
		return fmt.Sprintf("it ends at %d, but %s has it up to %d", m.own.Last, h.region, m.reach(h.extent))
	}
	// Deletions are recorded at the origin first, and flushed: its disk is an older
	// one, and of what was written since nobody may have heard.
	if h := m.someone(func(h *holder) bool { return h.agrees() && h.deletions > m.facts.Deletions }); h != nil {
		return fmt.Sprintf("it has records of %d deletions, but %s knows of %d", m.facts.Deletions, h.region, h.deletions)
	}
	return ""
}

func (m *Machine) someone(is func(*holder) bool) *holder {
	if at := slices.IndexFunc(m.holders, is); at >= 0 {
		return m.holders[at]
	}
	return nil
}

// reach is how far a copy belongs to the log: what it has behind the end of an
// epoch that it knows as its last, and the log knows more, does not.
func (m *Machine) reach(e geo.Extent) geo.Offset {
	if len(e.Epochs) < len(m.table) {
		return min(e.Last, m.table[len(e.Epochs)].PrevEnd)
	}
	return e.Last
}

// position is reach where holes count as there: they can be made anywhere.
func (m *Machine) position(e geo.Extent) geo.Offset {
	at := m.reach(e)
	for _, epoch := range m.table {
		if at >= epoch.PrevEnd {
			at = max(at, epoch.First-1)
		}
	}
	return at
}

func regions(holders []*holder) []geo.Region {
	names := make([]geo.Region, len(holders))
	for i, h := range holders {
		names[i] = h.region
	}
	return names
}
