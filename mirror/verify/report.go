package verify

import (
	"fmt"
	"strings"

	"geomq/geo"
)

// Outcome is the verdict of a Report.
type Outcome string

const (
	// Clean: every compared offset is equal in all holders and agrees with the
	// seals.
	Clean Outcome = "clean"
	// Different: the entries of some offset differ, or break a seal, or a replica
	// holds offsets that its origin has lost.
	Different Outcome = "different"
	// Incomplete: nothing differs as far as it was compared, but a holder could
	// not be read to the end, or no offset is held by all of them.
	Incomplete Outcome = "incomplete"
)

// Report is the result of a verification.
type Report struct {
	Stream  string  `json:"stream"`
	Outcome Outcome `json:"outcome"`
	// Compared is the range that all readable holders have, Offsets its length
	// as far as it was read, Entries what the holders have in it (the most that
	// one of them has).
	Compared geo.Range `json:"compared"`
	Offsets  uint64    `json:"offsets"`
	Entries  uint64    `json:"entries"`
	// Seals counts the seals that were compared with entries.
	Seals   uint64         `json:"seals"`
	Holders []HolderReport `json:"holders"`
	// NotComparable lists what some holder does not have, any more or yet.
	NotComparable []Lacking `json:"not_comparable,omitempty"`
	// DifferingBlocks counts blocks that differ; Differences tells of the first
	// Drill of them.
	DifferingBlocks uint64       `json:"differing_blocks"`
	Differences     []Difference `json:"differences,omitempty"`
}

// HolderReport is what one holder has.
type HolderReport struct {
	Region geo.Region `json:"region"`
	Origin bool       `json:"origin"`
	Extent geo.Extent `json:"extent"`
	// BehindBy is how many offsets it ends before the longest holder.
	BehindBy uint64 `json:"behind_by"`
	// Problem says why it could not be read, or not to the end.
	Problem string `json:"problem,omitempty"`
}

// Lacking is a range that one holder does not have while another does.
type Lacking struct {
	Region geo.Region `json:"region"`
	Range  geo.Range  `json:"range"`
	// Reason is ReasonTrimmed, ReasonBehind, ReasonLost or ReasonTrimming.
	Reason string `json:"reason"`
}

// Why a range is lacking.
const (
	ReasonTrimmed  = "trimmed"
	ReasonBehind   = "not there yet"
	ReasonLost     = "it is the origin and has lost them"
	ReasonTrimming = "trimmed while it was verified"
)

// Difference is one block in which holders differ, or break a seal.
type Difference struct {
	Block geo.Block `json:"block"`
	// Range is the part of the block that was compared.
	Range geo.Range `json:"range"`
	// First is the first offset at which holders differ, 0 where they agree
	// with each other (then BreakSeal names who breaks a seal), or did so when
	// they were read again. Offsets counts the differing ones.
	First   geo.Offset `json:"first"`
	Offsets uint64     `json:"offsets"`
	// Unread says that a holder stopped answering before all offsets were
	// compared, so First may be 0 or too late.
	Unread bool `json:"unread,omitempty"`
	// Sides groups the holders by what they have at First.
	Sides []Side `json:"sides,omitempty"`
	// BreakSeal names the holders whose block is not what they have a seal for.
	BreakSeal []geo.Region `json:"break_seal,omitempty"`
}

// Side is a group of holders that agree.
type Side struct {
	// Digest is that of the entry, in hexadecimal; empty where it is missing.
	Digest  string       `json:"digest,omitempty"`
	Regions []geo.Region `json:"regions"`
	// Origin tells whether the log's origin is among them, Majority whether they
	// are more than half of the holders that answered.
	Origin   bool `json:"origin"`
	Majority bool `json:"majority"`
}

// String is a sentence for people, e.g. "offset 7 differs: us-east (with the
// origin) has 0f3c…, eu-west without an entry; 3 offsets differ in 1…1024".
func (d Difference) String() string {
	var b strings.Builder
	switch {
	case d.First != 0:
		fmt.Fprintf(&b, "offset %d differs: %s; %d offsets differ in %s", d.First, joinSides(d.Sides), d.Offsets, d.Range)
	case len(d.BreakSeal) == 0 && d.Unread:
		fmt.Fprintf(&b, "%s differs; a holder stopped answering before the offset was found: verify again", d.Range)
	case len(d.BreakSeal) == 0:
		fmt.Fprintf(&b, "%s differed once and not when it was read again: check the disks and memory of the holders", d.Range)
	default:
		fmt.Fprintf(&b, "%s is equal in all holders", d.Range)
	}
	for _, region := range d.BreakSeal {
		fmt.Fprintf(&b, "; %s holds other entries than it has a seal for", region)
	}
	return b.String()
}

func joinSides(sides []Side) string {
	parts := make([]string, len(sides))
	for i, s := range sides {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

// String is e.g. "us-east+eu-west (with the origin) has 0f3c…".
func (s Side) String() string {
	names := make([]string, len(s.Regions))
	for i, r := range s.Regions {
		names[i] = string(r)
	}
	text := strings.Join(names, "+")
	if s.Origin {
		text += " (with the origin)"
	}
	if s.Digest == "" {
		return text + " without an entry"
	}
	return text + " has " + s.Digest
}

// lost is what the origin had and has not any more at its end, nil if nothing.
func (r Report) lost() *Lacking {
	for i := range r.NotComparable {
		if r.NotComparable[i].Reason == ReasonLost {
			return &r.NotComparable[i]
		}
	}
	return nil
}

// String is one line that sums the report up.
func (r Report) String() string {
	switch {
	case r.Outcome == Different && len(r.Differences) == 0:
		return fmt.Sprintf("%s: DIFFERENT, %s has lost %s", r.Stream, r.lost().Region, r.lost().Range)
	case r.Outcome == Different:
		return fmt.Sprintf("%s: DIFFERENT in %d blocks; %s", r.Stream, r.DifferingBlocks, r.Differences[0])
	case r.Outcome == Incomplete:
		return fmt.Sprintf("%s: INCOMPLETE, %s compared: %s", r.Stream, r.Compared, r.missing())
	}
	return fmt.Sprintf("%s: clean, %s equal in %d holders, %d entries, %d seals", r.Stream, r.Compared, len(r.Holders), r.Entries, r.Seals)
}

// missing says why the report is not complete.
func (r Report) missing() string {
	for _, h := range r.Holders {
		if h.Problem != "" {
			return fmt.Sprintf("%s could not be read: %s", h.Region, h.Problem)
		}
	}
	return "no offset is held by all holders"
}
