package holders

import (
	"fmt"
	"time"

	"geomq/geo"
)

// View is what a Chooser knows, for people.
type View struct {
	// Present is the holder whose session is open or being opened, "" between
	// two sessions.
	Present geo.Region
	// Why says why the link does not pull from the origin, "" if it does.
	Why      string
	Holders  []Known
	Switches uint64 // sessions that streamed from another holder than the one before
}

// Known is what is known of one holder.
type Known struct {
	Holder geo.Region
	Origin bool
	// Told is false where it has not answered the last ask, or was never asked.
	Told  bool
	Ready bool
	// At is when it was last asked and answered, or gave no answer; negative if
	// that was never.
	At        time.Duration
	Last      geo.Offset
	Time      time.Time
	RoundTrip time.Duration
	// AvoidedUntil is 0 if the holder is not avoided; Avoided says why it is.
	AvoidedUntil time.Duration
	Avoided      string
}

// View describes the choice as it is at now.
func (c *Chooser) View(now time.Duration) View {
	v := View{Why: c.why(now), Switches: c.switches, Holders: make([]Known, 0, len(c.candidates))}
	if c.present != nil {
		v.Present = c.present.region
	}
	for _, d := range c.candidates {
		k := Known{Holder: d.region, Origin: d == c.origin, Told: d.told, At: d.at,
			Ready: d.told && d.says.Ready, Last: d.says.Last, Time: d.says.Time, RoundTrip: d.says.RoundTrip}
		if d.isAvoided(now) {
			k.AvoidedUntil, k.Avoided = d.avoidedUntil, d.avoided
		}
		v.Holders = append(v.Holders, k)
	}
	return v
}

// why says why the link does not pull from the origin.
func (c *Chooser) why(now time.Duration) string {
	o := c.origin
	switch {
	case o == nil || c.present == o || c.present == nil && !c.lacking(now):
		return ""
	case o.isAvoided(now):
		return fmt.Sprintf("%s is avoided: %s", o.region, o.avoided)
	case o.at == never || !o.told:
		return fmt.Sprintf("%s does not answer", o.region)
	case !o.says.Ready:
		return fmt.Sprintf("%s does not serve the log yet", o.region)
	case !c.reaches(o):
		return fmt.Sprintf("%s has the log from offset %d on only", o.region, o.says.First)
	case o.good == 0:
		return fmt.Sprintf("%s ends at offset %d, before the replica", o.region, o.says.Last)
	}
	return fmt.Sprintf("%s answers again; the link returns after %d answers in a row, %d have come", o.region, c.wanted(), o.good)
}
