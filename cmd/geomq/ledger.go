package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

// ledgerPage is how many records are asked for at once.
const ledgerPage = 1000

func newLedger(a *app) *cobra.Command {
	ledger := &cobra.Command{
		Use:   "ledger",
		Short: "Look at entries that are in no log any more, and publish them again",
		Long: `ledger holds the commands about the ledgers. Each region keeps one: entries that
were acknowledged once and are not part of their log any more, such as a tail
that an origin lost and that a replica had. Nothing removes them.`,
		Example: "  geomq ledger ls",
	}
	asGroup(ledger)
	ledger.AddCommand(newLedgerList(a), newLedgerShow(a), newRepublish(a))
	return ledger
}

type ledgerFlags struct {
	where
	region string
	open   bool
	limit  int
	json   bool
}

func newLedgerList(a *app) *cobra.Command {
	var f ledgerFlags
	cmd := &cobra.Command{
		Use:   "ls [LOG]",
		Short: "List the entries in the ledgers",
		Long: `ls lists what the ledgers of all regions hold, or that of one: where each entry
stood, why it is not there any more, and where it was published again. The same
entry may be in several ledgers. LOG is one CommitLog (ORDERS@us-east).`,
		Example: `  geomq ledger ls
  geomq ledger ls ORDERS@us-east --open
  geomq ledger ls --region eu-west --json | jq -r '.records[].id'`,
		Args: arguments("[LOG]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			stream, err := optionalLog(args)
			if err != nil {
				return err
			}
			if f.limit < 1 {
				return usagef("--limit must be at least 1")
			}
			return a.listLedgers(cmd.Context(), &f, stream)
		},
	}
	f.where.flags(cmd)
	cmd.Flags().StringVar(&f.region, "region", "", "only the ledger of `REGION`")
	cmd.Flags().BoolVar(&f.open, "open", false, "only entries that were not published again")
	cmd.Flags().IntVar(&f.limit, "limit", 1000, "list at most `N` entries of each region")
	cmd.Flags().BoolVar(&f.json, "json", false, "print {\"records\":[…]}")
	a.completeFirst(cmd, &f.where, streamNames)
	a.completeFlag(cmd, "region", &f.where, regionNames)
	return cmd
}

func optionalLog(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	log, err := oneLog(args[0])
	return log.Stream(), err
}

// ledgers is what was read of the ledgers of several regions.
type ledgers struct {
	Records  []admin.LedgerRecord `json:"records"`
	Problems []string             `json:"problems,omitempty"`
}

func (a *app) listLedgers(ctx context.Context, f *ledgerFlags, stream string) error {
	d, err := a.find(ctx, f.where)
	if err != nil {
		return err
	}
	all, err := readLedgers(ctx, d, f.region, admin.LedgerQuery{Stream: stream, Open: f.open}, f.limit)
	if err != nil {
		return err
	}
	if f.json {
		all.Records = orEmpty(all.Records)
		return a.printJSON(all)
	}
	lines := []string{"the ledger is empty: no acknowledged entry is known to be in no log"}
	if len(all.Records) > 0 {
		lines = ledgerTable(all.Records).Lines(a.out)
	}
	return a.printLines(append(lines, problemLines(a.out, &admin.Status{Problems: all.Problems})...))
}

// readLedgers reads the ledger of region, or of all. A region that can't be read is
// a problem where all are asked for, else an error.
func readLedgers(ctx context.Context, d *deployment, region string, q admin.LedgerQuery, limit int) (ledgers, error) {
	var all ledgers
	regions, err := ledgerRegions(ctx, d, region)
	if err != nil {
		return all, err
	}
	for _, r := range regions {
		records, problem, err := readLedger(ctx, d, r, q, limit)
		switch {
		case err != nil && (region != "" || !errors.Is(err, admin.ErrNotReady)):
			return all, fmt.Errorf("the ledger of %s: %w", r, err)
		case err != nil:
			all.Problems = append(all.Problems, fmt.Sprintf("the ledger of %s is not shown: %v", r, err))
		case problem != "":
			all.Problems = append(all.Problems, fmt.Sprintf("the ledger of %s: %s", r, problem))
		}
		all.Records = append(all.Records, records...)
	}
	return all, nil
}

// ledgerRegions lists the regions whose ledgers are meant.
func ledgerRegions(ctx context.Context, d *deployment, region string) ([]geo.Region, error) {
	st, err := ask(ctx, d.node, admin.ScopeAll, askTimeout)
	if err != nil {
		return nil, err
	}
	if region != "" {
		r, err := regionOf(&st, geo.Region(region))
		return []geo.Region{r.Name}, err
	}
	var regions []geo.Region
	for _, r := range st.Regions {
		regions = append(regions, r.Name)
	}
	slices.Sort(regions)
	return regions, nil
}

// readLedger reads at most limit records page by page. problem says what was not
// read.
func readLedger(ctx context.Context, d *deployment, region geo.Region, q admin.LedgerQuery, limit int) (records []admin.LedgerRecord, problem string, err error) {
	for {
		q.Limit = min(ledgerPage, limit-len(records))
		page, err := d.node.Ledger(ctx, region, q)
		if err != nil {
			return records, "", err
		}
		records, problem = append(records, page.Records...), firstOf(problem, page.Problem)
		switch q.After = page.Next; {
		case q.After == "":
			return records, problem, nil
		case len(records) >= limit:
			return records, firstOf(problem, fmt.Sprintf("it holds more than the %s shown", thousands(limit))), nil
		}
	}
}

func ledgerTable(records []admin.LedgerRecord) *table.Table {
	t := table.New(
		table.Column{Title: "ID"}, table.Column{Title: "LEDGER OF"}, table.Column{Title: "WRITTEN", Spare: 2}, table.Column{Title: "FOUND", Spare: 5},
		table.Column{Title: "SUBJECT"}, table.Column{Title: "SIZE", Right: true, Spare: 4}, table.Column{Title: "KEY", Spare: 6},
		table.Column{Title: "PUBLISHED AGAIN"}, table.Column{Title: "REASON", Spare: 1},
	)
	for _, r := range records {
		t.Row(table.Text(r.ID), table.Text(string(r.Region)), table.Text(stampText(r.Time)), table.Text(stampText(r.Found)),
			table.Text(r.Subject), table.Text(table.Bytes(r.Size)), table.Text(r.Key), againText(r.Again), table.Text(r.Reason))
	}
	return t
}

// againText is e.g. "ORDERS@eu-west/1/1204".
func againText(again *admin.Republished) table.Cell {
	if again == nil {
		return table.Cell{Text: "no", Style: term.Warn}
	}
	return table.Cell{Text: again.As, Style: term.Good}
}

// ledgerIDs checks ids, which are "<stream>/<epoch>/<offset>", some with a part of
// a digest behind.
func ledgerIDs(ids []string) error {
	for _, id := range ids {
		parts := strings.Split(id, "/")
		if len(parts) != 3 && len(parts) != 4 {
			return usagef("%q is no id of the ledger; one looks like ORDERS@us-east/1/42, see geomq ledger ls", id)
		}
		if _, err := oneLog(parts[0]); err != nil {
			return err
		}
	}
	return nil
}
