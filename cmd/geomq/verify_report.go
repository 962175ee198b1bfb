package main

import (
	"fmt"

	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
	"geomq/mirror/verify"
)

// verifiedLines tells about one CommitLog.
func verifiedLines(out term.Output, log geo.CommitLog, v verified) []string {
	lines := []string{outcomeLine(out, log, &v.Report)}
	for _, h := range v.Holders {
		switch {
		case h.Problem != "":
			lines = append(lines, out.Paint(term.Bad, "  "+term.Clean(fmt.Sprintf("%s could not be read: %s", h.Region, h.Problem))))
		case h.BehindBy > 0:
			lines = append(lines, fmt.Sprintf("  %s is %s behind; what it lacks yet was not compared", h.Region, plural(int(h.BehindBy), "offset")))
		}
	}
	for _, l := range v.NotComparable {
		if l.Reason != verify.ReasonBehind {
			lines = append(lines, term.Clean(fmt.Sprintf("  %s does not hold %s: %s", l.Region, l.Range, l.Reason)))
		}
	}
	for _, d := range v.Differences {
		lines = append(lines, "  "+term.Clean(d.String()))
	}
	if hidden := v.DifferingBlocks - uint64(len(v.Differences)); len(v.Differences) > 0 && hidden > 0 {
		lines = append(lines, fmt.Sprintf("  and %s more", plural(int(hidden), "differing block")))
	}
	if len(v.Sides) > 0 {
		lines = append(append(lines, ""), sideBySide(v.Sides).Lines(out)...)
	}
	return lines
}

func outcomeLine(out term.Output, log geo.CommitLog, r *verify.Report) string {
	name := out.Paint(term.Strong, log.Stream())
	holders := plural(len(r.Holders), "region")
	switch {
	case r.Outcome == verify.Different:
		if r.DifferingBlocks == 0 {
			return name + "  " + out.Paint(term.Bad, "DIFFERENT") + ": its origin lacks what replicas hold"
		}
		where := "in " + plural(int(r.DifferingBlocks), "block") + " of 1,024 offsets"
		if first := firstDifference(r); first > 0 {
			where = "from offset " + table.Count(first) + " on, " + where
		}
		return name + "  " + out.Paint(term.Bad, "DIFFERENT") + " " + where
	case r.Outcome == verify.Incomplete:
		return name + "  " + out.Paint(term.Warn, "INCOMPLETE") + ": " + comparedText(r)
	case r.Offsets == 0:
		return name + "  " + out.Paint(term.Good, "empty") + " in " + holders
	}
	return fmt.Sprintf("%s  %s in %s (%s, %s)", name, out.Paint(term.Good, "equal")+upTo(r), holders,
		entries(r.Entries), plural(int(r.Seals), "seal"))
}

// upTo is " up to offset 39,244", with the beginning where that was trimmed.
func upTo(r *verify.Report) string {
	if r.Compared.First > 1 {
		return fmt.Sprintf(" from offset %s to %s", table.Count(r.Compared.First), table.Count(r.Compared.Last))
	}
	return " up to offset " + table.Count(r.Compared.Last)
}

func comparedText(r *verify.Report) string {
	if r.Offsets == 0 {
		return "nothing could be compared"
	}
	return "equal" + upTo(r) + " in the regions that answered"
}

func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return table.Count(n) + " entries"
}

// firstDifference is the first offset at which holders differ, 0 where only
// seals are broken.
func firstDifference(r *verify.Report) geo.Offset {
	for _, d := range r.Differences {
		if d.First > 0 {
			return d.First
		}
	}
	return 0
}
