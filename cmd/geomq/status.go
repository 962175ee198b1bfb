package main

import (
	"slices"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
)

func newStatus(a *app) *cobra.Command {
	return newView(a, &cobra.Command{
		Use:   "status",
		Short: "Say whether each region is safe to lose, and what every region and link is doing",
		Long: `status begins with the verdict: for each region, whether every entry that it
originated is in another region too. Heads of logs may be a heartbeat old, so
counts are upper bounds. Below that stands what a person should see to, with
what to do about it.

Exit codes: 0 every region is safe to lose and nothing needs anybody; 3 some
region is not safe, or is not known to be; 4 all are, but a log is not open, a
replica has stopped, entries are damaged or a disk is full; 1 the deployment
could not be asked. With --watch the exit code is 0 when Ctrl-C ends it.`,
		Example: `  geomq status
  geomq status --watch
  geomq status --json | jq .verdict
  geomq status >/dev/null || echo "don't turn anything off"`,
	}, view{
		lines:    statusLines,
		document: func(st *admin.Status) any { return st },
		code:     statusCode,
	})
}

func statusCode(st *admin.Status) int {
	switch {
	case st.Verdict.Code != 0:
		return exitNotSafe
	case st.Verdict.Grave():
		return exitTrouble
	}
	return exitOK
}

// statusLines is the verdict, what to see to, what is missing, then regions and
// links.
func statusLines(out term.Output, st *admin.Status) []string {
	st = withoutControl(st)
	lines := verdictLines(out, st)
	lines = append(lines, troubleLines(out, st)...)
	lines = append(lines, problemLines(out, st)...)
	lines = append(append(lines, ""), regionTable(st).Lines(out)...)
	if len(st.Links) > 0 {
		lines = append(append(lines, ""), linkSummary(st).Lines(out)...)
	}
	if notes := linkNotes(out, unhalted(st)); len(notes) > 0 {
		lines = append(append(lines, ""), notes...)
	}
	return lines
}

// unhalted is st without the links that are among its troubles.
func unhalted(st *admin.Status) *admin.Status {
	rest := *st
	rest.Links = slices.DeleteFunc(slices.Clone(st.Links), func(l admin.Link) bool { return l.State == admin.LinkHalted })
	return &rest
}

// withoutControl is st without geomq's own control logs, as far as nothing is wrong
// with them.
func withoutControl(st *admin.Status) *admin.Status {
	rest := *st
	rest.Logs = slices.DeleteFunc(slices.Clone(st.Logs), func(l admin.Log) bool { return l.Control() && l.State == admin.LogOpen && l.Problem == "" })
	rest.Links = slices.DeleteFunc(slices.Clone(st.Links), func(l admin.Link) bool { return l.Control() && l.State == admin.LinkStreaming })
	return &rest
}

// troubleLines says what a person should see to.
func troubleLines(out term.Output, st *admin.Status) []string {
	var lines []string
	for _, t := range st.Verdict.Troubles {
		style := term.Warn
		if t.Grave {
			style = term.Bad
		}
		lines = append(lines, out.Paint(style, "! "+term.Clean(t.Text)))
	}
	return lines
}

func verdictLines(out term.Output, st *admin.Status) []string {
	if len(st.Verdict.Regions) == 0 {
		return []string{"no log is known yet, so there is nothing to lose"}
	}
	var lines []string
	for _, v := range st.Verdict.Regions {
		lines = append(lines, out.Paint(safetyStyle(v.Safe), term.Clean(v.Text)))
	}
	return lines
}

func safetyStyle(s admin.Safety) term.Style {
	switch s {
	case admin.Safe:
		return term.Good
	case admin.Unsafe:
		return term.Bad
	}
	return term.Warn
}

// problemLines says what is missing from the answer.
func problemLines(out term.Output, st *admin.Status) []string {
	var lines []string
	for _, p := range st.Problems {
		lines = append(lines, out.Paint(term.Warn, "! "+term.Clean(p)))
	}
	return lines
}
