package main

import (
	"context"
	"errors"
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

const (
	// longestExcerpt is how many characters of a header or body stand side by side.
	longestExcerpt = 48
	// excerptLead is how much of what is shared stands before what differs.
	excerptLead = 12
)

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
		values := part.values(sides)
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

// entryPart is one row: a part of an entry that is text, or bytes.
type entryPart struct {
	name  string
	text  func(*admin.EntryView) string
	bytes func(*admin.EntryView) []byte
}

var entryParts = []entryPart{
	{name: "subject", text: func(e *admin.EntryView) string { return e.Subject }},
	{name: "time", text: func(e *admin.EntryView) string { return e.Time.UTC().Format(time.RFC3339Nano) }},
	{name: "header", bytes: func(e *admin.EntryView) []byte { return e.Header }},
	{name: "body", bytes: func(e *admin.EntryView) []byte { return e.Body }},
	{name: "body size", text: func(e *admin.EntryView) string { return table.Count(uint64(len(e.Body))) }},
	{name: "digest", text: func(e *admin.EntryView) string { return e.Digest }},
}

// values is the part as each side has it; a side without an entry says why in
// the first row.
func (p entryPart) values(sides []sideEntry) []string {
	from := p.shared(sides)
	values := make([]string, len(sides))
	for i, s := range sides {
		switch {
		case s.Entry == nil && p.name == entryParts[0].name:
			values[i] = s.Problem
		case s.Entry == nil:
			values[i] = table.None
		case p.bytes != nil:
			values[i] = excerpt(p.bytes(s.Entry), from)
		default:
			values[i] = p.text(s.Entry)
		}
	}
	return values
}

// shared is how many bytes all sides have in common at the beginning, so that an
// excerpt can begin where they part.
func (p entryPart) shared(sides []sideEntry) int {
	var first []byte
	shared := -1
	for _, s := range sides {
		if p.bytes == nil || s.Entry == nil {
			continue
		}
		data := p.bytes(s.Entry)
		if shared < 0 {
			first, shared = data, len(data)
			continue
		}
		shared = min(shared, len(data))
		for i := range shared {
			if data[i] != first[i] {
				shared = i
				break
			}
		}
	}
	return max(shared, 0)
}

// excerpt is what data holds around the byte at, or its beginning where all of
// that fits.
func excerpt(data []byte, at int) string {
	if data == nil {
		return table.None
	}
	before := ""
	if len(data) > longestExcerpt && at > excerptLead && at < len(data) {
		start := at - excerptLead
		for start > 0 && !utf8.RuneStart(data[start]) {
			start--
		}
		before, data = "…", data[start:]
	}
	if !utf8.Valid(data) {
		return before + "not text: " + strconv.Quote(string(data[:min(len(data), excerptLead)]))
	}
	text := before + strings.ReplaceAll(strings.TrimRight(string(data), "\r\n"), "\r\n", " | ")
	if utf8.RuneCountInString(text) > longestExcerpt {
		text = string([]rune(text)[:longestExcerpt]) + "…"
	}
	return text
}
