package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/geo"
)

const (
	// idsAtOnce is how many ids one order names, maxRepublish how many entries of a
	// ledger one command looks at.
	idsAtOnce    = 10_000
	maxRepublish = 1_000_000
)

func newRepublish(a *app) *cobra.Command {
	var f orderFlags
	var region, log string
	cmd := &cobra.Command{
		Use:   "republish [ID...]",
		Short: "Publish entries of the ledgers again, each once",
		Long: `republish publishes entries of a ledger again, under their keys, into the log of
the same name in the ledger's own region: an entry of ORDERS@us-east that the
ledger of eu-west holds goes into ORDERS@eu-west, and from there everywhere. An
entry that several ledgers hold is published by one of them, its origin's region
before others; one that was published again already is left out.

Name entries by their IDs ("geomq ledger ls"), or all open ones of a CommitLog
with --log.` + orderHelp,
		Example: `  geomq ledger republish ORDERS@us-east/1/42
  geomq ledger republish --log ORDERS@us-east --dry-run
  geomq ledger republish --log ORDERS@us-east --region eu-west --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if (len(ids) == 0) == (log == "") {
				return usagef("geomq ledger republish needs either IDs or --log LOG")
			}
			if err := ledgerIDs(ids); err != nil {
				return err
			}
			if log != "" {
				if _, err := oneLog(log); err != nil {
					return err
				}
			}
			return a.republish(cmd.Context(), &f, region, log, ids)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&region, "region", "", "only from the ledger of `REGION`")
	cmd.Flags().StringVar(&log, "log", "", "all entries of this CommitLog `LOG` that were not published again")
	a.completeFlag(cmd, "region", &f.where, regionNames)
	a.completeFlag(cmd, "log", &f.where, streamNames)
	return cmd
}

func (a *app) republish(ctx context.Context, f *orderFlags, region, log string, ids []string) error {
	d, err := a.find(ctx, f.where)
	if err != nil {
		return err
	}
	found, err := readLedgers(ctx, d, region, admin.LedgerQuery{Stream: log}, maxRepublish)
	if err != nil {
		return err
	}
	for _, p := range found.Problems {
		a.notice("! %s", p)
	}
	c := choose(found.Records, ids)
	if missing := c.missing(ids); len(missing) > 0 {
		return fmt.Errorf("%w: %s is in no ledger that can be read; see geomq ledger ls", admin.ErrNotFound, missing[0])
	}
	var orders []planned
	for _, r := range slices.Sorted(maps.Keys(c.from)) {
		for some := range slices.Chunk(c.from[r], idsAtOnce) {
			orders = append(orders, func(dry bool) admin.Order {
				return admin.RepublishOrder{Region: r, IDs: some, DryRun: dry}
			})
		}
	}
	outcomes, err := a.carryOutSome(ctx, d, f, orders)
	if f.dryRun {
		return err
	}
	for _, o := range outcomes {
		c.published(o)
	}
	return errors.Join(err, noteElsewhere(ctx, d, c.notes))
}

// carryOutSome is carryOut where there may be nothing to do.
func (a *app) carryOutSome(ctx context.Context, d *deployment, f *orderFlags, orders []planned) ([]admin.Outcome, error) {
	switch {
	case len(orders) > 0:
		return a.carryOut(ctx, d, f, orders...)
	case f.json:
		return nil, a.printOutcomes(f, nil)
	}
	return nil, a.printLines([]string{"nothing to do: all of it was published again, or there is nothing"})
}

// choice says which region publishes what, so that no entry is published twice.
type choice struct {
	// from are the ids that each region publishes, holders all regions of an id.
	from    map[geo.Region][]string
	holders map[string][]geo.Region
	// notes are what was published by another region than that of the ledger, which
	// does not know of it yet.
	notes map[geo.Region][]admin.Republished
}

// choose gives each open entry to one of the regions that hold it. Where ids names
// none, all are meant.
func choose(records []admin.LedgerRecord, ids []string) choice {
	c := choice{from: map[geo.Region][]string{}, holders: map[string][]geo.Region{}, notes: map[geo.Region][]admin.Republished{}}
	byID := map[string][]admin.LedgerRecord{}
	var order []string
	for _, r := range records {
		if len(ids) > 0 && !slices.Contains(ids, r.ID) {
			continue
		}
		if byID[r.ID] == nil {
			order = append(order, r.ID)
		}
		byID[r.ID] = append(byID[r.ID], r)
		c.holders[r.ID] = append(c.holders[r.ID], r.Region)
	}
	for _, id := range order {
		c.decide(id, byID[id])
	}
	return c
}

// decide says what becomes of one entry, as all ledgers that hold it have it.
func (c *choice) decide(id string, records []admin.LedgerRecord) {
	at := slices.IndexFunc(records, func(r admin.LedgerRecord) bool { return r.Again != nil })
	if at < 0 {
		by := publisher(id, c.holders[id])
		c.from[by] = append(c.from[by], id)
		return
	}
	for _, r := range records {
		if r.Again == nil {
			again := *records[at].Again
			again.ID = id
			c.notes[r.Region] = append(c.notes[r.Region], again)
		}
	}
}

// published notes what an order of one region came to, for the others' ledgers.
func (c *choice) published(o admin.Outcome) {
	for _, again := range o.Again {
		for _, r := range c.holders[again.ID] {
			if r != o.Region {
				c.notes[r] = append(c.notes[r], again)
			}
		}
	}
}

// publisher is the entry's origin where that holds it, else the first by name.
func publisher(id string, holders []geo.Region) geo.Region {
	for _, r := range holders {
		if log, err := geo.ParseCommitLog(streamOfID(id)); err == nil && log.Origin == r {
			return r
		}
	}
	return slices.Min(holders)
}

// missing lists what of ids nobody holds.
func (c choice) missing(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return len(c.holders[id]) > 0 })
}

// noteElsewhere tells ledgers what became of entries that they hold, too.
func noteElsewhere(ctx context.Context, d *deployment, notes map[geo.Region][]admin.Republished) error {
	for _, r := range slices.Sorted(maps.Keys(notes)) {
		for some := range slices.Chunk(notes[r], idsAtOnce) {
			if _, err := d.node.Do(ctx, admin.RepublishOrder{Region: r, Elsewhere: some}, nil); err != nil {
				return fmt.Errorf("what was published again is, but the ledger of %s has not taken note of it: %w; the same command makes up for that", r, err)
			}
		}
	}
	return nil
}
