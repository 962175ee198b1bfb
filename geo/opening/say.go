package opening

import (
	"fmt"
	"strings"
	"time"

	"geomq/geo"
)

// Warnings says what is wrong with other regions' copies, and what to do about
// it: one sentence each, in the order of Facts.Others.
func (m *Machine) Warnings() []string {
	var warnings []string
	for _, h := range m.holders {
		if text := m.warning(h); text != "" {
			warnings = append(warnings, text)
		}
	}
	return warnings
}

func (m *Machine) warning(h *holder) string {
	log := m.facts.Log
	switch {
	case !h.known || !h.exists:
		return ""
	case h.contradicts != "" || h.clash != "":
		return fmt.Sprintf("%s in %s is not the log that the origin has: %s. Its link halts; compare both, then repair it with geomq log repair.",
			log, h.region, h.contradicts+h.clash)
	}
	reach := m.reach(h.extent)
	if reach == h.extent.Last {
		return ""
	}
	next := m.table[len(h.extent.Epochs)]
	extra := geo.Range{First: reach + 1, Last: h.extent.Last}
	if extra.Last < next.First {
		return fmt.Sprintf("%s in %s has entries %s of an epoch that ended at %d; its link moves them to the ledger (geomq ledger ls).", log, h.region, extra, reach)
	}
	return fmt.Sprintf("%s in %s went on to %d in an older epoch, and epoch %d has begun at %d: its link halts; repair it with geomq log repair, which keeps the entries in the ledger.",
		log, h.region, h.extent.Last, next.Number, next.First)
}

func (m *Machine) sayWait(awaited []*holder, until time.Duration) said {
	var silent []string
	for _, h := range awaited {
		text := string(h.region)
		if h.silence != "" {
			text += " (" + h.silence + ")"
		}
		silent = append(silent, text)
	}
	list := strings.Join(silent, ", ")
	if m.doubt == "" && !m.facts.Fresh {
		return said(fmt.Sprintf("%s is closed while %s is asked where its copy ends; nothing speaks against the log's tail, so it opens within %s whoever answers.", m.facts.Log, list, until))
	}
	then := "it goes on in a new epoch, and entries that only they have go to the ledger"
	if m.doubt == "" {
		then = "it begins at offset 1"
	}
	return said(fmt.Sprintf("%s is closed: %s. It waits for %s, up to %s in all (open_wait), then %s. Bring them up or mend the path, and it opens as soon as they have told.", m.facts.Log, m.why(), list, until, then))
}

func (m *Machine) sayPullBack(from []*holder, pull PullBack) said {
	text := fmt.Sprintf("%s is closed: %s.", m.facts.Log, m.why())
	if pull.First <= pull.Through {
		text += fmt.Sprintf(" Fetching %s back from %s.", geo.Range{First: pull.First, Last: pull.Through}, from[0].region)
	}
	if pull.Table != nil {
		text += fmt.Sprintf(" Retention has removed everything before %d in %s, so what is older goes here, too.", pull.First, from[0].region)
	}
	return said(text + " It opens by itself afterwards; that region has to stay up.")
}

func (m *Machine) sayNewEpoch(d NewEpoch) said {
	if d.Epoch.First == 1 {
		return said(fmt.Sprintf("%s begins at offset 1 as epoch %d: %s (%s). If one of them has it after all, its link will halt with cause epochs, and nothing is mixed.",
			m.facts.Log, d.Epoch.Number, d.Why, names(m.awaited())))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s goes on in epoch %d at offset %d: %s.", m.facts.Log, d.Epoch.Number, d.Epoch.First, d.Why)
	fmt.Fprintf(&b, " The epoch before ended at %d. %s.", d.Epoch.PrevEnd, m.sayLost(d.Lost))
	if silent := m.awaited(); len(silent) > 0 {
		fmt.Fprintf(&b, " %s could not be asked; what only they have goes to their ledger when they are back (geomq ledger ls).", names(silent))
	}
	if n := d.Nowhere.Len(); n > 0 {
		fmt.Fprintf(&b, " %d of them stood in the middle of the log, at offsets %s.", n, list(d.Nowhere))
	}
	if lacking, left := m.Left(); left != "" {
		fmt.Fprintf(&b, " Offsets %s are lacking in the middle of the log, %s.", list(lacking), left)
	}
	if d.Retire.Len() > 0 {
		fmt.Fprintf(&b, " %d of the origin's own entries belong to no epoch any more and go to its ledger.", d.Retire.Len())
	}
	if d.Lacking.Len() > 0 {
		fmt.Fprintf(&b, " %d offsets from %d on are lacking here and no epoch explains them: links that need them halt with cause gap (geomq link accept-gap).", d.Lacking.Len(), d.Lacking[0].First)
	}
	return said(b.String())
}

func (m *Machine) sayLost(lost Lost) string {
	asked := "anywhere"
	if len(m.awaited()) > 0 {
		asked = "with anybody who was asked"
	}
	switch {
	case !lost.Known:
		return "How many acknowledged entries are not " + asked + " is not known: the origin has no note of them"
	case lost.AtMost == 0:
		return "No acknowledged entry is missing"
	case lost.AtLeast == 0:
		return fmt.Sprintf("≤ %d acknowledged entries are not %s", lost.AtMost, asked)
	}
	return fmt.Sprintf("%d acknowledged entries or more, ≤ %d, are not %s", lost.AtLeast, lost.AtMost, asked)
}

func (m *Machine) sayFinish(through geo.Offset) said {
	return said(fmt.Sprintf("%s is closed: opening it in epoch %d was interrupted. Finishing it up to offset %d; it opens by itself then.",
		m.facts.Log, m.own.Epochs.Latest().Number, through))
}

func (m *Machine) sayOpen() said {
	state := "its tail is safe"
	switch {
	case m.made:
		state = "its new epoch is made"
	case m.facts.Fresh:
		state = "it is new"
	}
	text := fmt.Sprintf("%s is open at offset %d in epoch %d: %s.", m.facts.Log, m.own.Last+1, m.own.Epochs.Latest().Number, state)
	if m.pulled {
		text += " Its tail was fetched back from other regions."
	}
	return said(text)
}

func names(holders []*holder) string {
	var list []string
	for _, h := range holders {
		list = append(list, string(h.region))
	}
	return strings.Join(list, ", ")
}
