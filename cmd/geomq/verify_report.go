package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
	"geomq/mirror/verify"
)

// longestExcerpt is how many characters of a header or body stand side by side.
const longestExcerpt = 48

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

// sideEntry is an entry as one side of a difference holds it.
type sideEntry struct {
	Regions []geo.Region `json:"regions"`
	Origin  bool         `json:"origin"`
	// Entry is nil where the side has none, or where it could not be read;
	// Problem then says why.
	Entry   *admin.EntryView `json:"entry"`
	Problem string           `json:"problem,omitempty"`
}

// sidesOf reads the first differing entry from one region of each side.
func (h *heldLog) sidesOf(ctx context.Context, r *verify.Report) []sideEntry {
	for _, d := range r.Differences {
		if d.First == 0 {
			continue
		}
		var sides []sideEntry
		for _, s := range d.Sides {
			sides = append(sides, h.sideEntry(ctx, s, d.First))
		}
		return sides
	}
	return nil
}

func (h *heldLog) sideEntry(ctx context.Context, s verify.Side, offset geo.Offset) sideEntry {
	side := sideEntry{Regions: s.Regions, Origin: s.Origin}
	node := h.nodes[s.Regions[0]]
	if node == nil {
		side.Problem = "its node is not known any more"
		return side
	}
	entry, err := node.Entry(ctx, h.log.Stream(), offset)
	switch {
	case err == nil:
		side.Entry = &entry
	case errors.Is(err, admin.ErrNotFound) && s.Digest == "":
		side.Problem = "no entry"
	default:
		side.Problem = plain(err)
	}
	return side
}

// sideBySide has a row for each part of an entry and a column for each side.
func sideBySide(sides []sideEntry) *table.Table {
	columns := []table.Column{{Title: ""}}
	for _, s := range sides {
		title := joined(s.Regions)
		if s.Origin {
			title += " (origin)"
		}
		columns = append(columns, table.Column{Title: title})
	}
	t := table.New(columns...)
	for _, part := range entryParts {
		row := []table.Cell{{Text: part.name, Style: term.Faint}}
		values := make([]string, len(sides))
		for i, s := range sides {
			values[i] = s.part(part.name, part.text)
		}
		for _, value := range values {
			row = append(row, table.Cell{Text: value, Style: differs(values)})
		}
		t.Row(row...)
	}
	return t
}

// differs marks a row in which the sides do not agree.
func differs(values []string) term.Style {
	for _, v := range values {
		if v != values[0] {
			return term.Bad
		}
	}
	return term.Plain
}

func (s sideEntry) part(name string, text func(*admin.EntryView) string) string {
	switch {
	case s.Entry != nil:
		return text(s.Entry)
	case name == entryParts[0].name:
		return s.Problem
	}
	return table.None
}

var entryParts = []struct {
	name string
	text func(*admin.EntryView) string
}{
	{"subject", func(e *admin.EntryView) string { return e.Subject }},
	{"time", func(e *admin.EntryView) string { return e.Time.UTC().Format(time.RFC3339Nano) }},
	{"header", func(e *admin.EntryView) string { return excerpt(e.Header) }},
	{"body", func(e *admin.EntryView) string { return excerpt(e.Body) }},
	{"body size", func(e *admin.EntryView) string { return table.Count(uint64(len(e.Body))) }},
	{"digest", func(e *admin.EntryView) string { return e.Digest }},
}

// excerpt is the beginning of data as text, or its size where it is none.
func excerpt(data []byte) string {
	switch {
	case data == nil:
		return table.None
	case !utf8.Valid(data):
		return "not text, begins " + strconv.Quote(string(data[:min(len(data), 12)]))
	}
	text := strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", " | "))
	if utf8.RuneCountInString(text) > longestExcerpt {
		text = string([]rune(text)[:longestExcerpt]) + "…"
	}
	return text
}
