package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

func newLink(a *app) *cobra.Command {
	link := &cobra.Command{
		Use:     "link",
		Short:   "Look at links, and accept gaps",
		Long:    "link holds the commands about links, the directed pulls that fill replicas.",
		Example: "  geomq link ls",
	}
	asGroup(link)
	link.AddCommand(newView(a, &cobra.Command{
		Use:   "ls",
		Short: "List links with their lag and traffic",
		Long: `ls lists each link: which log it pulls, from which region into which, how far
behind the replica is, and what it has carried since its node started. FROM is
the holder that it pulls from now, which need not be the origin. A lag is
"unknown" where the other side has not been heard lately; that is not zero.
MISSING are the offsets that a halted link can't get from anyone. WIRE is what
went over the network, RATIO how much smaller that is than the entries. Links of
control logs, GEOMQ@REGION, are left out while they stream, except with --json.`,
		Example: `  geomq link ls
  geomq link ls --watch
  geomq link ls --json | jq '.links[] | {log, from, to, lag_entries}'`,
	}, view{
		lines: func(out term.Output, st *admin.Status) []string {
			st = withoutControl(st)
			lines := append(linkTable(st).Lines(out), linkNotes(out, st)...)
			return append(lines, problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Links    []admin.Link `json:"links"`
				Problems []string     `json:"problems,omitempty"`
			}{orEmpty(st.Links), st.Problems}
		},
	}), newLinkShow(a), newAcceptGap(a))
	return link
}

func linkTable(st *admin.Status) *table.Table {
	columns := []table.Column{
		{Title: "LOG"}, {Title: "FROM"}, {Title: "TO"}, {Title: "STATE"},
		{Title: "BEHIND", Right: true}, {Title: "AGE", Right: true, Spare: 1}, {Title: "BYTES", Right: true, Spare: 5},
		{Title: "APPLIED", Right: true, Spare: 2}, {Title: "HEAD", Right: true, Spare: 6},
		{Title: "RTT", Right: true, Spare: 4}, {Title: "ENTRIES", Right: true, Spare: 9},
		{Title: "WIRE", Right: true, Spare: 3}, {Title: "RATIO", Right: true, Spare: 8},
		{Title: "RESENT", Right: true, Spare: 10}, {Title: "RECONNECTS", Right: true, Spare: 7},
	}
	const missingAt = 4
	anyMissing := slices.ContainsFunc(st.Links, func(l admin.Link) bool { return len(l.Missing) > 0 })
	if anyMissing {
		columns = slices.Insert(columns, missingAt, table.Column{Title: "MISSING"})
	}
	t := table.New(columns...)
	for _, l := range sortedLinks(st.Links) {
		cells := []table.Cell{table.Text(st.StreamOf(l)), table.Text(string(l.From)), table.Text(string(l.To)), linkState(l),
			lag(table.CountOr(l.LagEntries)), lag(table.SecondsOr(l.LagSeconds)), lag(table.BytesOr(l.LagBytes)),
			table.Text(table.Count(l.Applied)), table.Text(table.Count(l.Head)),
			table.Text(rtt(l)), table.Text(table.Count(l.Entries)),
			table.Text(table.Bytes(l.WireBytes)), table.Text(ratio(l)),
			table.Text(table.Count(l.Resent)), table.Text(table.Count(l.Reconnects))}
		if anyMissing {
			cells = slices.Insert(cells, missingAt, missing(l))
		}
		t.Row(cells...)
	}
	return t
}

// linkSummary is the table of links within `geomq status`.
func linkSummary(st *admin.Status) *table.Table {
	t := table.New(
		table.Column{Title: "LINK"}, table.Column{Title: "FROM"}, table.Column{Title: "TO"}, table.Column{Title: "STATE"},
		table.Column{Title: "BEHIND", Right: true}, table.Column{Title: "AGE", Right: true, Spare: 2},
		table.Column{Title: "APPLIED", Right: true, Spare: 3},
	)
	for _, l := range sortedLinks(st.Links) {
		t.Row(table.Text(st.StreamOf(l)), table.Text(string(l.From)), table.Text(string(l.To)), linkState(l),
			lag(table.CountOr(l.LagEntries)), lag(table.SecondsOr(l.LagSeconds)), table.Text(table.Count(l.Applied)))
	}
	return t
}

func sortedLinks(links []admin.Link) []admin.Link {
	sorted := slices.Clone(links)
	slices.SortStableFunc(sorted, func(x, y admin.Link) int {
		return cmp.Or(
			cmp.Compare(x.Log, y.Log), cmp.Compare(x.Origin, y.Origin), cmp.Compare(x.Queue, y.Queue),
			cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return sorted
}

func linkState(l admin.Link) table.Cell {
	style := term.Warn
	switch l.State {
	case admin.LinkStreaming:
		style = term.Good
	case admin.LinkHalted:
		style = term.Bad
	}
	return table.Cell{Text: string(l.State), Style: style}
}

// lag marks what is not known.
func lag(text string) table.Cell {
	if text == table.Unknown {
		return table.Cell{Text: text, Style: term.Warn}
	}
	return table.Text(text)
}

// missing is what a halted link can't get from anyone.
func missing(l admin.Link) table.Cell {
	if len(l.Missing) == 0 {
		return table.Text(table.None)
	}
	return table.Cell{Text: rangesText(l.Missing), Style: term.Bad}
}

func rtt(l admin.Link) string {
	if l.RTTSeconds == nil {
		return table.None
	}
	return table.SecondsOr(l.RTTSeconds)
}

// ratio is e.g. "7.4×".
func ratio(l admin.Link) string {
	if l.WireBytes == 0 || l.RawBytes == 0 {
		return table.None
	}
	return fmt.Sprintf("%.1f×", float64(l.RawBytes)/float64(l.WireBytes))
}

// linkNotes says why links are not streaming, or not from the origin.
func linkNotes(out term.Output, st *admin.Status) []string {
	var lines []string
	for _, l := range sortedLinks(st.Links) {
		if text := linkNote(st, l); text != "" {
			lines = append(lines, out.Paint(linkNoteStyle(l), term.Clean(text)))
		}
	}
	return lines
}

func linkNote(st *admin.Status, l admin.Link) string {
	switch {
	case l.State == admin.LinkStreaming && l.From != l.Origin && l.NotOrigin != "":
		return fmt.Sprintf("%s into %s comes from %s and not from its origin: %s", st.StreamOf(l), l.To, l.From, l.NotOrigin)
	case l.State == admin.LinkStreaming || l.Reason == "":
		return ""
	}
	return fmt.Sprintf("%s from %s into %s is %s for %s: %s", st.StreamOf(l), l.From, l.To, l.State, table.Since(l.Since, st.At), l.Reason)
}

func linkNoteStyle(l admin.Link) term.Style {
	if l.State == admin.LinkStreaming {
		return term.Warn
	}
	return linkState(l).Style
}
