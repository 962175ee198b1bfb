package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"geomq/geo"
	"geomq/mirror"
)

// troubles collects from s what a person should see to, the grave first.
func troubles(s Status) []Trouble {
	var all []Trouble
	for i := range s.Links {
		all = append(all, s.linkTroubles(&s.Links[i])...)
	}
	for i := range s.Logs {
		all = append(all, s.logTroubles(&s.Logs[i])...)
		all = append(all, damages(&s.Logs[i])...)
	}
	for _, d := range s.Disks {
		all = append(all, d.troubles()...)
	}
	for i := range s.Logs {
		all = append(all, unclaimed(&s.Logs[i])...)
	}
	slices.SortStableFunc(all, func(a, b Trouble) int {
		switch {
		case a.Grave == b.Grave:
			return 0
		case a.Grave:
			return -1
		}
		return 1
	})
	return all
}

// linkTroubles tells of a halted link.
func (s *Status) linkTroubles(l *Link) []Trouble {
	if l.State != LinkHalted {
		return nil
	}
	stream := s.StreamOf(*l)
	text := fmt.Sprintf("the replica of %s in %s has stopped", stream, l.To)
	if !l.Since.IsZero() && s.At.After(l.Since) {
		text += fmt.Sprintf(" %s ago", ago(s.At.Sub(l.Since)))
	}
	if l.Cause != "" {
		text += fmt.Sprintf(" (%s)", l.Cause)
	}
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	return []Trouble{{Kind: TroubleLink, Grave: true, Region: l.To, Log: stream, Node: l.Node, Text: text + "; " + l.advice(stream)}}
}

// advice is what to do about a halted link now.
func (l *Link) advice(stream string) string {
	at := fmt.Sprintf("%s --region %s", stream, l.To)
	switch cause := mirror.Cause(l.Cause); {
	case len(l.Missing) > 0:
		return fmt.Sprintf("nobody that was asked has offsets %s: bring back a region that has them, or go on without them: geomq link accept-gap %s", listed(l.Missing), at)
	case cause.Contradicts():
		return fmt.Sprintf("compare the holders: geomq verify %s; see what a repair would do: geomq log repair %s --dry-run", stream, at)
	case cause == mirror.CauseVersion:
		return "upgrade the older node: geomq region ls"
	case cause == mirror.CauseRefused:
		return fmt.Sprintf("mend what the reason names, or rebuild the replica: geomq log repair %s --dry-run", at)
	}
	return fmt.Sprintf("see geomq link show %s", at)
}

// logTroubles tells of a log that does not take entries; where a halted link is the
// reason, that has been told.
func (s *Status) logTroubles(l *Log) []Trouble {
	t := Trouble{Kind: TroubleLog, Grave: l.Region == l.Origin, Region: l.Region, Log: l.Stream}
	switch l.State {
	case LogOpen:
		t.Text = l.Problem
		if t.Text != "" {
			t.Text = fmt.Sprintf("%s in %s: %s", l.Stream, l.Region, l.Problem)
		}
	case LogWaiting:
		if t.Grave || l.Problem != "" {
			t.Text = l.shut("is not ready", l.Problem)
		}
	case LogOpening:
		t.Text = l.opening(s.At)
	case LogFenced:
		t.Text = l.shut("is fenced", firstText(l.Fenced, l.Problem))
	case LogConflict:
		t.Grave, t.Text = true, l.shut("can't be used", l.Problem)
	case LogHalted:
		if !s.halted(l) {
			t.Grave, t.Text = true, l.shut("has stopped", l.Problem)
		}
	}
	if t.Text == "" {
		return nil
	}
	return []Trouble{t}
}

// shut is e.g. "ORDERS@us-east is fenced in us-east, producers are refused: …".
func (l *Log) shut(what, why string) string {
	text := fmt.Sprintf("%s %s in %s", l.Stream, what, l.Region)
	if l.Region == l.Origin {
		text += ", producers are refused"
	}
	if why != "" {
		text += ": " + why
	}
	return text
}

// opening says what an opening waits for, and for how long yet.
func (l *Log) opening(now time.Time) string {
	o := l.Opening
	if o == nil || o.Text == "" {
		return l.shut("is not open yet", l.Problem)
	}
	text := fmt.Sprintf("%s Producers are refused in %s until then", o.Text, l.Region)
	if o.Until.After(now) {
		text += fmt.Sprintf(", for %s more at most", ago(o.Until.Sub(now)))
	}
	return text
}

func firstText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// halted tells whether the link into l is.
func (s *Status) halted(l *Log) bool {
	return slices.ContainsFunc(s.Links, func(k Link) bool {
		return k.State == LinkHalted && k.To == l.Region && k.Log == l.Log && k.Queue == l.Queue && k.Origin == l.Origin
	})
}

// damages tells of entries that are missing without a reason or not what their
// seal says.
func damages(l *Log) []Trouble {
	var all []Trouble
	cure := fmt.Sprintf("fetch them from another holder: geomq log repair %s --region %s", l.Stream, l.Region)
	if l.Role == RoleOrigin {
		cure = "to get them back from another region's copy, see docs/operating.md, damaged or lacking entries"
	}
	add := func(ranges geo.Ranges, what string) {
		if len(ranges) > 0 {
			all = append(all, Trouble{Kind: TroubleDamage, Grave: true, Region: l.Region, Log: l.Stream, Text: fmt.Sprintf(
				"%s in %s %s at offsets %s, which are not served on; %s", l.Stream, l.Region, what, listed(ranges), cure)})
		}
	}
	add(l.Damaged, "holds damaged entries")
	add(l.Lacking, "lacks entries for no recorded reason")
	return all
}

// unclaimed tells of the ledger's entries that nobody has published again.
func unclaimed(l *Log) []Trouble {
	if l.Ledger == nil || l.Ledger.Open == 0 {
		return nil
	}
	n := l.Ledger.Open
	return []Trouble{{Kind: TroubleLedger, Region: l.Region, Log: l.Stream, Text: fmt.Sprintf(
		"%s of %s %s kept in the ledger of %s, acknowledged once and in no log now; look at them: geomq ledger ls --region %s; publish them again: geomq ledger republish --log %s --region %s",
		counted(n), l.Stream, be(n), l.Region, l.Region, l.Stream, l.Region)}}
}

func (d Disk) troubles() []Trouble {
	t := Trouble{Kind: TroubleDisk, Grave: true, Region: d.Region, Node: d.Node}
	free := "little"
	if ratio, ok := d.Ratio(); ok {
		free = fmt.Sprintf("%.1f %%", 100*ratio)
	}
	switch d.State {
	case DiskLow:
		t.Text = fmt.Sprintf("%s/%s has %s of its disk free, below %d %%: its replicas have stopped; make room, and they go on by themselves",
			d.Region, d.Node, free, d.StopReplicas)
	case DiskFull:
		t.Text = fmt.Sprintf("%s/%s has %s of its disk free, below %d %%: producers are refused there; make room, and its logs open by themselves",
			d.Region, d.Node, free, d.FenceOrigins)
	case DiskFailing:
		t.Text = fmt.Sprintf("the broker of %s/%s refuses writes (%s): geomq restarts it; if that does not help, look at the disk and its file system",
			d.Region, d.Node, firstText(d.Problem, "after an error of its disk"))
	default:
		return nil
	}
	return []Trouble{t}
}

// namedRanges is how many ranges a sentence names.
const namedRanges = 3

// listed is e.g. "5…9, 12 and 3 ranges more (48 in all)".
func listed(ranges geo.Ranges) string {
	var parts []string
	for _, r := range ranges[:min(len(ranges), namedRanges)] {
		parts = append(parts, r.String())
	}
	text := strings.Join(parts, ", ")
	if more := len(ranges) - namedRanges; more > 0 {
		text += fmt.Sprintf(" and %d ranges more (%d in all)", more, ranges.Len())
	}
	return text
}

// ago is a duration as people say it.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

// StreamOf names the CommitLog of l as its stream is named. Only the logs
// themselves tell a sole queue from queue 0 of several; where none is known it is
// taken for sole.
func (s *Status) StreamOf(l Link) string {
	for _, held := range s.Logs {
		if held.Log == l.Log && held.Queue == l.Queue && held.Origin == l.Origin {
			return held.Stream
		}
	}
	if l.Queue == "" || l.Queue == "0" {
		return fmt.Sprintf("%s@%s", l.Log, l.Origin)
	}
	return fmt.Sprintf("%s-%s@%s", l.Log, l.Queue, l.Origin)
}
