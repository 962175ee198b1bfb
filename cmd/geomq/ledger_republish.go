package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// sameEntry identifies an entry over all ledgers. Two of them may have different
// entries of one place, and the same one under different ids.
type sameEntry struct{ place, digest string }

func entryOf(r admin.LedgerRecord) sameEntry {
	parts := strings.SplitN(r.ID, "/", 4)
	return sameEntry{strings.Join(parts[:min(len(parts), 3)], "/"), r.Digest}
}

// inLedger is where a record is.
type inLedger struct {
	region geo.Region
	id     string
}

// choice says which region publishes what, so that no entry is published twice.
type choice struct {
	// from are the ids that each region publishes.
	from map[geo.Region][]string
	// records are those of each entry, entries the other way round.
	records map[sameEntry][]admin.LedgerRecord
	entries map[inLedger]sameEntry
	// notes are what was published by another region than that of the ledger, which
	// does not know of it yet.
	notes map[geo.Region][]admin.Republished
}

// choose gives each open entry to one of the regions that hold it. Where ids names
// none, all are meant.
func choose(records []admin.LedgerRecord, ids []string) choice {
	c := choice{
		from: map[geo.Region][]string{}, records: map[sameEntry][]admin.LedgerRecord{},
		entries: map[inLedger]sameEntry{}, notes: map[geo.Region][]admin.Republished{},
	}
	var order []sameEntry
	wanted := map[sameEntry]bool{}
	for _, r := range records {
		e := entryOf(r)
		if c.records[e] == nil {
			order = append(order, e)
		}
		c.records[e] = append(c.records[e], r)
		c.entries[inLedger{r.Region, r.ID}] = e
		wanted[e] = wanted[e] || len(ids) == 0 || slices.Contains(ids, r.ID)
	}
	for _, e := range order {
		if wanted[e] {
			c.decide(c.records[e])
		}
	}
	return c
}

// decide says what becomes of one entry, given all records of it.
func (c *choice) decide(records []admin.LedgerRecord) {
	at := slices.IndexFunc(records, func(r admin.LedgerRecord) bool { return r.Again != nil })
	if at < 0 {
		by := publisher(records)
		c.from[by.Region] = append(c.from[by.Region], by.ID)
		return
	}
	c.note(records, records[at].Region, *records[at].Again)
}

// note has the ledgers of all regions but one told of what that one did.
func (c *choice) note(records []admin.LedgerRecord, by geo.Region, again admin.Republished) {
	for _, r := range records {
		if r.Region != by && r.Again == nil {
			again.ID = r.ID
			c.notes[r.Region] = append(c.notes[r.Region], again)
		}
	}
}

// published takes note of what an order of one region came to.
func (c *choice) published(o admin.Outcome) {
	for _, again := range o.Again {
		c.note(c.records[c.entries[inLedger{o.Region, again.ID}]], o.Region, again)
	}
}

// publisher is the record in the entry's own origin, else in the first region by
// name.
func publisher(records []admin.LedgerRecord) admin.LedgerRecord {
	first := records[0]
	for _, r := range records {
		if log, err := geo.ParseCommitLog(r.Log); err == nil && log.Origin == r.Region {
			return r
		}
		if r.Region < first.Region {
			first = r
		}
	}
	return first
}

// missing lists what of ids is in no ledger.
func (c *choice) missing(ids []string) []string {
	held := map[string]bool{}
	for at := range c.entries {
		held[at.id] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return held[id] })
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
