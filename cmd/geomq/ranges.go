package main

import (
	"fmt"
	"strconv"
	"strings"

	"geomq/cmd/geomq/internal/table"
	"geomq/geo"
)

// shownRanges is how many ranges of offsets a cell or a line shows.
const shownRanges = 3

// rangesText is e.g. "5…9, 12 and 2 more".
func rangesText(ranges geo.Ranges) string {
	if len(ranges) == 0 {
		return table.None
	}
	var parts []string
	for _, r := range ranges[:min(len(ranges), shownRanges)] {
		parts = append(parts, r.String())
	}
	text := strings.Join(parts, ", ")
	if more := len(ranges) - shownRanges; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// parseRanges reads offsets and stretches of them: "7", "5-9" or "5…9", each word
// one or several parted by commas.
func parseRanges(words []string) (geo.Ranges, error) {
	var ranges geo.Ranges
	for _, word := range words {
		for part := range strings.SplitSeq(word, ",") {
			r, err := parseRange(strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			ranges = ranges.Add(r)
		}
	}
	return ranges, nil
}

func parseRange(text string) (geo.Range, error) {
	from, to, isRange := strings.Cut(strings.ReplaceAll(text, "…", "-"), "-")
	first, err := parseOffset(from)
	if err != nil {
		return geo.Range{}, fmt.Errorf("%q: %w", text, err)
	}
	if !isRange {
		return geo.Range{First: first, Last: first}, nil
	}
	last, err := parseOffset(to)
	if err != nil {
		return geo.Range{}, fmt.Errorf("%q: %w", text, err)
	}
	if last < first {
		return geo.Range{}, fmt.Errorf("%q ends before it begins", text)
	}
	return geo.Range{First: first, Last: last}, nil
}

func parseOffset(text string) (geo.Offset, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("not an offset: write e.g. 7 or 5-9; the first entry has offset 1")
	}
	return geo.Offset(n), nil
}
