package main

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

func newRegion(a *app) *cobra.Command {
	region := &cobra.Command{
		Use:     "region",
		Short:   "Look at regions",
		Long:    "region holds the commands about regions and the nodes in them.",
		Example: "  geomq region ls",
	}
	asGroup(region)
	region.AddCommand(newView(a, &cobra.Command{
		Use:   "ls",
		Short: "List regions and their nodes, with the addresses of each",
		Long: `ls lists every region that is configured or was heard of, one line for each of
its nodes. A region is up when one of its nodes answers.`,
		Example: `  geomq region ls
  geomq region ls --json | jq -r '.regions[].nodes[].nats'`,
	}, view{
		lines: func(out term.Output, st *admin.Status) []string {
			return append(regionTable(st).Lines(out), problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Regions  []admin.Region `json:"regions"`
				Problems []string       `json:"problems,omitempty"`
			}{orEmpty(st.Regions), st.Problems}
		},
	}))
	return region
}

func regionTable(st *admin.Status) *table.Table {
	t := table.New(
		table.Column{Title: "REGION"}, table.Column{Title: "STATE"},
		table.Column{Title: "NODE", Spare: 1}, table.Column{Title: "ANSWERS", Spare: 3},
		table.Column{Title: "NATS"}, table.Column{Title: "ADMIN", Spare: 2},
		table.Column{Title: "UP FOR", Right: true, Spare: 4}, table.Column{Title: "VERSION", Spare: 5},
	)
	regions := slices.Clone(st.Regions)
	slices.SortStableFunc(regions, func(x, y admin.Region) int { return cmp.Compare(x.Name, y.Name) })
	for _, r := range regions {
		regionRows(t, st, r)
	}
	return t
}

func regionRows(t *table.Table, st *admin.Status, r admin.Region) {
	name := string(r.Name)
	if !r.Configured {
		name += " (not configured)"
	}
	state := table.Cell{Text: string(r.State), Style: regionStyle(r.State)}
	if len(r.Nodes) == 0 {
		none := table.Text(table.None)
		t.Row(table.Text(name), state, none, none, none, none, none, none)
	}
	for _, n := range r.Nodes {
		answers := table.Cell{Text: "yes", Style: term.Good}
		if !n.Answering {
			answers = table.Cell{Text: "no", Style: term.Bad}
		}
		t.Row(table.Text(name), state, table.Text(n.Name), answers, table.Text(n.NATS), table.Text(n.Admin),
			table.Text(table.Since(n.Started, st.At)), table.Text(n.Version))
	}
}

func regionStyle(s admin.RegionState) term.Style {
	switch s {
	case admin.RegionUp:
		return term.Good
	case admin.RegionUnreachable:
		return term.Bad
	}
	return term.Warn
}
