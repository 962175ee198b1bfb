package opening

import (
	"fmt"
	"strings"

	"geomq/geo"
)

func (m *Machine) sayHoles(unasked []*holder) said {
	return said(fmt.Sprintf("%s is closed: %s, and offsets %s are lacking in its middle. It waits for %s to tell who has them, up to %s in all (open_wait). Bring them up or mend the path.",
		m.facts.Log, m.why(), list(m.holes.lacking), names(unasked), m.facts.OpenWait))
}

// sayOdd and sayUnasked say why holes are left as they are, and what to do.
func (m *Machine) sayOdd(odd *holder) string {
	return fmt.Sprintf("and stay so, since what %s has contradicts the log (%s%s): links that need them halt with cause gap. Repair that replica (geomq log repair), then start the origin's node again",
		odd.region, odd.contradicts, odd.clash)
}

func (m *Machine) sayUnasked(unasked []*holder) string {
	return fmt.Sprintf("and %s did not tell whether it has and serves them: links that need them halt with cause gap. Bring it up, then start the origin's node again: it fetches them, or writes them off if nobody has them (or give them up, region by region: geomq link accept-gap)", names(unasked))
}

func (m *Machine) sayWriteOff(nowhere geo.Ranges) said {
	return said(fmt.Sprintf("%s is closed: %s, which took %d acknowledged entries in the middle of the log, at offsets %s. All regions have told, and none has them: their loss is recorded as deletions, so that links go on. It opens by itself.",
		m.facts.Log, m.why(), nowhere.Len(), list(nowhere)))
}

func (m *Machine) sayAnew(keep geo.Ranges) said {
	text := fmt.Sprintf("%s is closed: %s, and offsets %s are lacking in its middle, which other regions have. The log is made anew from them.",
		m.facts.Log, m.why(), list(m.holes.lacking))
	if n := keep.Len(); n > 0 {
		text += fmt.Sprintf(" Up to %d entries that only this region has are put into its ledger and then back at their offsets.", n)
	}
	return said(text + " It opens by itself; those regions have to stay up.")
}

func (m *Machine) sayPutBack(r geo.Range) said {
	return said(fmt.Sprintf("%s is closed: %s. Putting %s, which only this region has, back from its ledger; it opens by itself.", m.facts.Log, m.why(), r))
}

// mostListed is how many stretches are told of many.
const mostListed = 5

func list(ranges geo.Ranges) string {
	var texts []string
	for _, r := range ranges[:min(len(ranges), mostListed)] {
		texts = append(texts, r.String())
	}
	if more := len(ranges) - mostListed; more > 0 {
		texts = append(texts, fmt.Sprintf("%d stretches more", more))
	}
	return strings.Join(texts, ", ")
}
