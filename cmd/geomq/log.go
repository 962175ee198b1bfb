package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

func newLog(a *app) *cobra.Command {
	log := &cobra.Command{
		Use:     "log",
		Short:   "Look at logs, remove entries, repair what a region holds",
		Long:    "log holds the commands about logs. To compare a log's holders see: geomq verify.",
		Example: "  geomq log ls",
	}
	asGroup(log)
	log.AddCommand(newView(a, &cobra.Command{
		Use:   "ls",
		Short: "List logs as every region holds them",
		Long: `ls lists each log once for every region that holds it: its origin, where
producers write it, and the replicas. LAST is the newest offset there; SEALED is
up to where the holder has seals. The control logs, GEOMQ@REGION, are left out
while nothing is wrong with them, except with --json.`,
		Example: `  geomq log ls
  geomq log ls --json | jq '.logs[] | select(.state != "open")'`,
	}, view{
		lines: func(out term.Output, st *admin.Status) []string {
			st = withoutControl(st)
			lines := append(logTable(st).Lines(out), logNotes(out, st)...)
			return append(lines, problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Logs     []admin.Log `json:"logs"`
				Problems []string    `json:"problems,omitempty"`
			}{orEmpty(st.Logs), st.Problems}
		},
	}), newLogShow(a), newPurge(a), newDelete(a), newRepair(a))
	return log
}

func logTable(st *admin.Status) *table.Table {
	t := table.New(
		table.Column{Title: "LOG"}, table.Column{Title: "HELD IN"}, table.Column{Title: "ROLE"},
		table.Column{Title: "STATE"},
		table.Column{Title: "FIRST", Right: true, Spare: 5}, table.Column{Title: "LAST", Right: true},
		table.Column{Title: "ENTRIES", Right: true, Spare: 1}, table.Column{Title: "SIZE", Right: true, Spare: 2},
		table.Column{Title: "SEALED", Right: true, Spare: 3}, table.Column{Title: "NEWEST", Right: true, Spare: 4},
		table.Column{Title: "EPOCH", Right: true, Spare: 8}, table.Column{Title: "MODE", Spare: 7},
		table.Column{Title: "FLUSH", Spare: 6},
	)
	for _, l := range sortedLogs(st.Logs) {
		t.Row(table.Text(l.Stream), table.Text(string(l.Region)), table.Text(string(l.Role)),
			table.Cell{Text: string(l.State), Style: logStyle(l.State)},
			table.Text(table.Count(l.First)), table.Text(table.Count(l.Last)),
			table.Text(table.Count(l.Entries)), table.Text(table.Bytes(l.Bytes)),
			table.Text(table.Count(l.SealedTo)), table.Text(table.Since(l.LastTime, st.At)),
			table.Text(strconv.FormatUint(l.Epoch, 10)), table.Text(l.Mode), table.Text(l.Flush))
	}
	return t
}

// sortedLogs orders by CommitLog, the origin before the replicas.
func sortedLogs(logs []admin.Log) []admin.Log {
	sorted := slices.Clone(logs)
	slices.SortStableFunc(sorted, func(x, y admin.Log) int {
		return cmp.Or(
			cmp.Compare(x.Log, y.Log), cmp.Compare(x.Origin, y.Origin), cmp.Compare(x.Stream, y.Stream),
			cmp.Compare(roleOrder(x.Role), roleOrder(y.Role)), cmp.Compare(x.Region, y.Region))
	})
	return sorted
}

func roleOrder(r admin.Role) int {
	if r == admin.RoleOrigin {
		return 0
	}
	return 1
}

func logStyle(s admin.LogState) term.Style {
	switch s {
	case admin.LogOpen:
		return term.Good
	case admin.LogWaiting, admin.LogOpening:
		return term.Warn
	}
	return term.Bad
}

// logNotes says what is wrong with logs that have a problem.
func logNotes(out term.Output, st *admin.Status) []string {
	var lines []string
	for _, l := range sortedLogs(st.Logs) {
		if l.Problem != "" {
			text := fmt.Sprintf("%s in %s (%s): %s", l.Stream, l.Region, l.State, l.Problem)
			lines = append(lines, out.Paint(logStyle(l.State), term.Clean(text)))
		}
	}
	return lines
}
