package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

func newLink(a *app) *cobra.Command {
	link := &cobra.Command{
		Use:     "link",
		Short:   "Look at links",
		Long:    "link holds the commands about links, the directed pulls that fill replicas.",
		Example: "  geomq link ls",
	}
	asGroup(link)
	link.AddCommand(newView(a, &cobra.Command{
		Use:   "ls",
		Short: "List links with their lag and traffic",
		Long: `ls lists each link: which log it pulls, from which region into which, how far
behind the replica is, and what it has carried since its node started. A lag is
"unknown" where the other side has not been heard lately; that is not zero. WIRE
is what went over the network, RATIO how much smaller that is than the entries.`,
		Example: `  geomq link ls
  geomq link ls --watch
  geomq link ls --json | jq '.links[] | {log, from, to, lag_entries}'`,
	}, view{
		lines: func(out term.Output, st *admin.Status) []string {
			lines := append(linkTable(st).Lines(out), linkNotes(out, st)...)
			return append(lines, problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Links    []admin.Link `json:"links"`
				Problems []string     `json:"problems,omitempty"`
			}{orEmpty(st.Links), st.Problems}
		},
	}))
	return link
}

func linkTable(st *admin.Status) *table.Table {
	t := table.New(
		table.Column{Title: "LOG"}, table.Column{Title: "FROM"}, table.Column{Title: "TO"}, table.Column{Title: "STATE"},
		table.Column{Title: "BEHIND", Right: true}, table.Column{Title: "AGE", Right: true, Spare: 1},
		table.Column{Title: "BYTES", Right: true, Spare: 5},
		table.Column{Title: "APPLIED", Right: true, Spare: 2}, table.Column{Title: "HEAD", Right: true, Spare: 6},
		table.Column{Title: "RTT", Right: true, Spare: 4}, table.Column{Title: "ENTRIES", Right: true, Spare: 9},
		table.Column{Title: "WIRE", Right: true, Spare: 3}, table.Column{Title: "RATIO", Right: true, Spare: 8},
		table.Column{Title: "RESENT", Right: true, Spare: 10}, table.Column{Title: "RECONNECTS", Right: true, Spare: 7},
	)
	for _, l := range sortedLinks(st.Links) {
		t.Row(table.Text(linkLog(st, l)), table.Text(string(l.From)), table.Text(string(l.To)), linkState(l),
			lag(table.CountOr(l.LagEntries)), lag(table.SecondsOr(l.LagSeconds)), lag(table.BytesOr(l.LagBytes)),
			table.Text(table.Count(l.Applied)), table.Text(table.Count(l.Head)),
			table.Text(rtt(l)), table.Text(table.Count(l.Entries)),
			table.Text(table.Bytes(l.WireBytes)), table.Text(ratio(l)),
			table.Text(table.Count(l.Resent)), table.Text(table.Count(l.Reconnects)))
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
		t.Row(table.Text(linkLog(st, l)), table.Text(string(l.From)), table.Text(string(l.To)), linkState(l),
			lag(table.CountOr(l.LagEntries)), lag(table.SecondsOr(l.LagSeconds)), table.Text(table.Count(l.Applied)))
	}
	return t
}

// streamOf names a CommitLog as its stream is named. Only the logs themselves tell
// a sole queue from queue 0 of several; where none is known it is taken for sole.
func streamOf(st *admin.Status, log geo.LogName, queue string, origin geo.Region) string {
	for _, l := range st.Logs {
		if l.Log == log && l.Queue == queue && l.Origin == origin {
			return l.Stream
		}
	}
	if queue == "" || queue == "0" {
		return fmt.Sprintf("%s@%s", log, origin)
	}
	return fmt.Sprintf("%s-%s@%s", log, queue, origin)
}

func linkLog(st *admin.Status, l admin.Link) string { return streamOf(st, l.Log, l.Queue, l.Origin) }

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

// linkNotes says why links are not streaming.
func linkNotes(out term.Output, st *admin.Status) []string {
	var lines []string
	for _, l := range sortedLinks(st.Links) {
		if l.Reason == "" || l.State == admin.LinkStreaming {
			continue
		}
		text := fmt.Sprintf("%s from %s into %s is %s for %s: %s",
			linkLog(st, l), l.From, l.To, l.State, table.Since(l.Since, st.At), l.Reason)
		lines = append(lines, out.Paint(linkState(l).Style, term.Clean(text)))
	}
	return lines
}
