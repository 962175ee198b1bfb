package admin

import (
	"fmt"
	"strings"
)

// namedLogs is how many logs a verdict's sentence names.
const namedLogs = 3

// add counts the verdict on one of the region's logs.
func (rv *RegionVerdict) add(v LogVerdict) {
	if v.Safe == Safe {
		return
	}
	rv.Logs = append(rv.Logs, v)
	rv.Entries += v.Entries
	if rv.Safe != Unsafe {
		rv.Safe = v.Safe
	}
	if v.Seconds != nil && (rv.Seconds == nil || *v.Seconds > *rv.Seconds) {
		rv.Seconds = v.Seconds
	}
}

// sentence is the verdict for people.
func (rv *RegionVerdict) sentence(reported bool, state RegionState) string {
	var reasons []string
	if text := rv.behind(); text != "" {
		reasons = append(reasons, text)
	}
	named := 0
	for _, v := range rv.Logs {
		if v.Reason == reasonBehind {
			continue
		}
		if named++; named <= namedLogs {
			reasons = append(reasons, v.sentence())
		}
	}
	if named > namedLogs {
		reasons = append(reasons, fmt.Sprintf("and %d logs more", named-namedLogs))
	}
	if !reported {
		reasons = append(reasons, unreported(state))
	}
	if rv.Safe == Safe {
		reasons = []string{"every entry is elsewhere too, up to the last heartbeat"}
	}
	return fmt.Sprintf("SAFE to lose %s: %s, %s", rv.Region, rv.Safe, strings.Join(reasons, "; "))
}

// behind sums up the logs whose replicas are behind.
func (rv *RegionVerdict) behind() string {
	entries := uint64(0)
	for _, v := range rv.Logs {
		if v.Reason == reasonBehind {
			entries += v.Entries
		}
	}
	switch {
	case entries == 0:
		return ""
	case rv.Seconds == nil || *rv.Seconds <= 0:
		return fmt.Sprintf("≤ %s nowhere else", countedAre(entries))
	}
	return fmt.Sprintf("≤ %s (%.1f s) %s nowhere else", counted(entries), *rv.Seconds, be(entries))
}

func (v LogVerdict) sentence() string {
	name := string(v.Log)
	if v.Queue != "0" {
		name += " queue " + v.Queue
	}
	switch v.Reason {
	case reasonOnlyHere:
		return fmt.Sprintf("%s is kept only here (≤ %s)", name, counted(v.Entries))
	case reasonConflict:
		return fmt.Sprintf("the replicas of %s contradict it and are halted (≤ %s): see geomq link ls", name, countedAre(v.Entries)+" nowhere else")
	case reasonNoReport:
		return fmt.Sprintf("no replica of %s reports", name)
	}
	return fmt.Sprintf("the origin of %s does not answer (when last heard of, ≤ %s nowhere else)", name, countedWere(v.Entries))
}

func unreported(state RegionState) string {
	switch state {
	case RegionUnreachable:
		return "none of its nodes answers"
	case RegionUp:
		return "it was not asked"
	}
	return "it has not been seen"
}

func counted(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func be(n uint64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func countedAre(n uint64) string { return counted(n) + " " + be(n) }

func countedWere(n uint64) string {
	if n == 1 {
		return "1 entry was"
	}
	return counted(n) + " were"
}
