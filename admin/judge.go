package admin

import (
	"cmp"
	"slices"

	"geomq/geo"
	"geomq/mirror"
)

// Why the entries of a CommitLog are not safe, in LogVerdict.Reason.
const (
	reasonBehind   = "behind"
	reasonOnlyHere = "kept only here"
	reasonNoReport = "no replica reports"
	reasonConflict = "replicas contradict"
	reasonNoOrigin = "origin does not answer"
)

// commitLog identifies a CommitLog in a Status.
type commitLog struct {
	log    geo.LogName
	queue  string
	origin geo.Region
}

// copyOf is what one region holds of a CommitLog.
type copyOf struct {
	commitLog
	region geo.Region
}

// contradictions are the replicas that are not the same log as their origin's any
// more: how far they reach says nothing about what is safe.
func contradictions(s Status) map[copyOf]bool {
	found := map[copyOf]bool{}
	for _, l := range s.Links {
		if l.contradicts() {
			found[copyOf{commitLog{l.Log, l.Queue, l.Origin}, l.To}] = true
		}
	}
	return found
}

// contradicts tells whether the link is halted since its replica isn't the same
// log as its origin's any more.
func (l *Link) contradicts() bool {
	return l.State == LinkHalted && mirror.Cause(l.Cause).Contradicts()
}

// evidence is what a Status says about one CommitLog.
type evidence struct {
	commitLog
	origin *Log // as its origin reports it, nil where that does not
	// applied is the furthest end in another region, head the newest end heard
	// of at the origin; fresh tells whether head is at most a heartbeat old.
	applied, head geo.Offset
	replicas      bool // at least one other region reports
	conflict      bool // a replica is halted since it is not the same log any more
	fresh         bool
	seconds       *float64 // the age of what the most advanced replica lacks
}

// Judge computes the verdict from s alone.
func Judge(s Status) Verdict {
	all := collect(s)
	v := Verdict{Regions: []RegionVerdict{}}
	for _, region := range regionsOf(s) {
		rv := RegionVerdict{Region: region.Name, Safe: Safe}
		for _, e := range all {
			if e.commitLog.origin == region.Name {
				rv.add(e.judge(s))
			}
		}
		reported := region.Name == s.Region || s.Scope == ScopeAll && region.State == RegionUp
		if !reported && rv.Safe == Safe {
			rv.Safe = Uncertain
		}
		rv.Text = rv.sentence(reported, region.State)
		v.Regions = append(v.Regions, rv)
		v.Code = worse(v.Code, rv.Safe)
	}
	v.Troubles = troubles(s)
	return v
}

// worse is the exit code once a region with this safety is added: one that is
// known to be unsafe outweighs one that nothing is known of.
func worse(code int, safe Safety) int {
	switch {
	case safe == Unsafe || code == 1:
		return 1
	case safe == Uncertain:
		return 2
	}
	return code
}

// regionsOf lists the regions of s, and origins that s has no Region for.
func regionsOf(s Status) []Region {
	regions := slices.Clone(s.Regions)
	add := func(name geo.Region) {
		if name != "" && !slices.ContainsFunc(regions, func(r Region) bool { return r.Name == name }) {
			regions = append(regions, Region{Name: name, State: RegionUnknown})
		}
	}
	add(s.Region)
	for _, l := range s.Logs {
		add(l.Origin)
	}
	for _, l := range s.Links {
		add(l.Origin)
	}
	return regions
}

// collect sorts what s says by CommitLog, in the order of their names. Control logs
// are left out: what is in them can be said again.
func collect(s Status) []*evidence {
	byLog := map[commitLog]*evidence{}
	of := func(c commitLog) *evidence {
		if byLog[c] == nil {
			byLog[c] = &evidence{commitLog: c}
		}
		return byLog[c]
	}
	contradicts := contradictions(s)
	for i := range s.Logs {
		l := &s.Logs[i]
		if c := (commitLog{l.Log, l.Queue, l.Origin}); !l.Control() && !contradicts[copyOf{c, l.Region}] {
			of(c).addLog(l)
		}
	}
	for i := range s.Links {
		l := &s.Links[i]
		if !l.Control() {
			of(commitLog{l.Log, l.Queue, l.Origin}).addLink(l)
		}
	}
	var out []*evidence
	for _, e := range byLog {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *evidence) int {
		return cmp.Or(cmp.Compare(a.log, b.log), cmp.Compare(a.queue, b.queue), cmp.Compare(a.commitLog.origin, b.commitLog.origin))
	})
	return out
}

func (e *evidence) addLog(l *Log) {
	if l.State == LogWaiting || l.State == LogConflict {
		return // its offsets are not known, or not those of this log
	}
	if l.Region == l.Origin {
		e.origin, e.head, e.fresh = l, max(e.head, l.Last), true
		return
	}
	e.replicas = true
	e.applied = max(e.applied, l.Last)
}

func (e *evidence) addLink(l *Link) {
	if l.contradicts() {
		e.conflict = true // what the replica holds says nothing about the origin's log
		return
	}
	if l.To == l.Origin || l.State != LinkStreaming && l.Applied == 0 {
		return
	}
	e.replicas = true
	e.applied = max(e.applied, l.Applied)
	if l.From != l.Origin {
		return // a relay's head says nothing about what the origin has beyond it
	}
	e.head = max(e.head, l.Head)
	e.fresh = e.fresh || l.LagEntries != nil
	if l.LagSeconds != nil && (e.seconds == nil || *l.LagSeconds < *e.seconds) {
		e.seconds = l.LagSeconds
	}
}

// judge says whether everything of the CommitLog is in another region too.
func (e *evidence) judge(s Status) LogVerdict {
	v := LogVerdict{Log: e.log, Queue: e.queue, Safe: Safe}
	switch {
	case e.onlyHere(s):
		v.risk(Unsafe, reasonOnlyHere, e.origin.Entries)
	case !e.replicas && e.conflict:
		v.Safe, v.Reason = Unsafe, reasonConflict
		if e.origin != nil {
			v.Entries = e.origin.Entries
		}
	case !e.replicas:
		v.Safe, v.Reason = Uncertain, reasonNoReport
		if e.origin != nil {
			v.Entries = e.origin.Entries
		}
	case !e.fresh:
		v.Safe, v.Reason, v.Entries = Uncertain, reasonNoOrigin, e.behind()
	default:
		v.risk(Unsafe, reasonBehind, e.behind())
		if v.Safe == Unsafe {
			v.Seconds = e.seconds
		}
	}
	return v
}

// risk gives v its verdict where at least one entry is at stake.
func (v *LogVerdict) risk(safe Safety, reason string, entries uint64) {
	if entries > 0 {
		v.Safe, v.Reason, v.Entries = safe, reason, entries
	}
}

// onlyHere tells whether the log belongs into its origin's region alone.
func (e *evidence) onlyHere(s Status) bool {
	if e.origin == nil || e.replicas {
		return false
	}
	if len(e.origin.Regions) > 0 {
		return len(e.origin.Regions) == 1
	}
	return len(regionsOf(s)) == 1
}

// behind is how many entries are at most in the origin's region only.
func (e *evidence) behind() uint64 {
	from := e.applied
	if e.origin != nil && e.origin.First > 0 {
		from = max(from, e.origin.First-1)
	}
	if e.head <= from {
		return 0
	}
	return uint64(e.head - from)
}
