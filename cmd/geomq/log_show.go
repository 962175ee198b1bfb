package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

func newLogShow(a *app) *cobra.Command {
	var f viewFlags
	cmd := &cobra.Command{
		Use:   "show LOG",
		Short: "Show all that the regions know about a log",
		Long: `show tells of each holder of LOG how it stands: whether the origin is open and
what it waits for, epochs, holes, deletions, what is lacking or damaged and what
was given up, how far reading again in the background is, and what the ledgers
keep. LOG is a name (ORDERS: of all origins) or one CommitLog (ORDERS@us-east).`,
		Example: `  geomq log show ORDERS@us-east
  geomq log show ORDERS --json | jq '.logs[] | {region, epochs, lacking}'`,
		Args: arguments("LOG"),
	}
	a.completeFirst(cmd, &f.where, logNames)
	return newViewOf(a, cmd, &f, func(args []string) (view, error) { return logView(args[0]) })
}

// logView shows the logs that name names.
func logView(name string) (view, error) {
	if err := checkLogName(name); err != nil {
		return view{}, err
	}
	return view{
		check: func(st *admin.Status) error {
			if len(logsNamed(st, name)) == 0 {
				return fmt.Errorf("%w: %q; there are %s", errNoSuchLog, name, strings.Join(logNames(st), ", "))
			}
			return nil
		},
		lines: func(out term.Output, st *admin.Status) []string {
			return append(logSheet(out, st, logsNamed(st, name)), problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Logs     []admin.Log `json:"logs"`
				Problems []string    `json:"problems,omitempty"`
			}{orEmpty(logsNamed(st, name)), st.Problems}
		},
	}, nil
}

// checkLogName refuses what names neither a log nor a CommitLog.
func checkLogName(name string) error {
	if _, err := geo.ParseCommitLog(name); err == nil {
		return nil
	}
	if _, err := geo.ParseLogName(name); err != nil {
		return usagef("%w; write a log as ORDERS or ORDERS@us-east", err)
	}
	return nil
}

func logsNamed(st *admin.Status, name string) []admin.Log {
	var named []admin.Log
	for _, l := range sortedLogs(st.Logs) {
		if string(l.Log) == name || l.Stream == name {
			named = append(named, l)
		}
	}
	return named
}

func logSheet(out term.Output, st *admin.Status, logs []admin.Log) []string {
	s := newSheet(out)
	for i := range logs {
		l := &logs[i]
		s.title(logStyle(l.State), "%s in %s: %s, %s", l.Stream, l.Region, l.Role, l.State)
		logState(s, st, l)
		logContents(s, st, l)
		logCare(s, st, l)
	}
	return s.end()
}

// logState says whether the log is open, and why not.
func logState(s *sheet, st *admin.Status, l *admin.Log) {
	s.pair("problem", "%s", l.Problem)
	s.pair("fenced", "%s", l.Fenced)
	if o := l.Opening; o != nil {
		s.pair("opening", "%s, for %s: %s", o.State, table.Since(o.Since, st.At), o.Text)
		s.pair("not heard of", "%s", joined(o.Silent))
		if o.Through > 0 {
			s.pair("pulled back", "%s of %s from %s", table.Count(o.Pulled), table.Count(o.Through), o.From)
		}
		if !o.Until.IsZero() {
			s.pair("opens", "in %s at the latest", table.Duration(max(o.Until.Sub(st.At), 0)))
		}
	}
}

// logContents says what the holder has.
func logContents(s *sheet, st *admin.Status, l *admin.Log) {
	s.pair("topics", "%s", joined(l.Topics))
	s.pair("regions", "%s", joined(l.Regions))
	s.pair("mode", "%s, flush %s, %s", l.Mode, l.Flush, plural(max(l.Replicas, 1), "broker"))
	s.pair("offsets", "%s to %s: %s entries, %s, the newest %s ago", table.Count(l.First), table.Count(l.Last),
		table.Count(l.Entries), table.Bytes(l.Bytes), table.Since(l.LastTime, st.At))
	s.pair("sealed to", "%s", table.Count(l.SealedTo))
	s.pair("epoch", "%s", epochsText(l))
	if l.Holes > 0 || l.Deletions > 0 {
		s.pair("holes", "%s, with %s recorded", table.Count(l.Holes), plural(int(l.Deletions), "deletion"))
	}
}

// epochsText is the newest epoch and where each began.
func epochsText(l *admin.Log) string {
	var parts []string
	for _, e := range l.Epochs {
		part := fmt.Sprintf("%d from %s", e.Number, table.Count(e.First))
		if e.First > e.PrevEnd+1 {
			part += fmt.Sprintf(" (%s skipped)", table.Count(uint64(e.First-e.PrevEnd)-1))
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return fmt.Sprint(l.Epoch)
	}
	return strings.Join(parts, ", ")
}

// logCare says what was found and what was given up.
func logCare(s *sheet, st *admin.Status, l *admin.Log) {
	for _, c := range []struct {
		name   string
		ranges geo.Ranges
	}{{"damaged", l.Damaged}, {"lacking", l.Lacking}, {"given up", l.Gaps}} {
		if len(c.ranges) > 0 {
			s.pair(c.name, "%s (%s offsets)", rangesText(c.ranges), table.Count(c.ranges.Len()))
		}
	}
	if c := l.Scrub; c != nil {
		round := "no whole round yet"
		if !c.Round.IsZero() {
			round = "last whole round " + table.Since(c.Round, st.At) + " ago"
		}
		s.pair("read again", "%s blocks, %s not what they should be, %s of them mended; %s",
			table.Count(c.Blocks), table.Count(c.Failures), table.Count(c.Repaired), round)
	}
	if c := l.Ledger; c != nil && c.Entries > 0 {
		s.pair("ledger", "%s entries, %s not published again", table.Count(c.Entries), table.Count(c.Open))
	}
}
