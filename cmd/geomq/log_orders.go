package main

import (
	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/geo"
)

func newPurge(a *app) *cobra.Command {
	var f orderFlags
	var before, keep uint64
	var subject string
	cmd := &cobra.Command{
		Use:   "purge LOG",
		Short: "Remove the oldest entries of a log, or those of a subject, in every region",
		Long: `purge removes entries of LOG for good, in every region: those before an offset,
all but the newest N, or those whose subject matches a filter. LOG is one
CommitLog (ORDERS@us-east). The origin records what is removed before it is, so
that nobody takes it for lost.` + orderHelp,
		Example: `  geomq log purge ORDERS@us-east --before 120000 --dry-run
  geomq log purge ORDERS@us-east --keep 1000000 --yes
  geomq log purge ORDERS@us-east --subject 'orders.test.>' --reason "load test"`,
		Args: arguments("LOG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := oneLog(args[0])
			if err != nil {
				return err
			}
			order := admin.PurgeOrder{Log: log.Stream(), Before: geo.Offset(before), Subject: subject, Reason: f.reason}
			if cmd.Flags().Changed("keep") {
				order.Keep = &keep
			}
			return a.order(cmd, &f, order, func(dry bool) admin.Order { order.DryRun = dry; return order })
		},
	}
	f.flags(cmd)
	f.reasonFlag(cmd)
	cmd.Flags().Uint64Var(&before, "before", 0, "remove what lies before `OFFSET`")
	cmd.Flags().Uint64Var(&keep, "keep", 0, "remove all but the newest `N` entries")
	cmd.Flags().StringVar(&subject, "subject", "", "remove entries whose subject matches `FILTER`")
	a.completeFirst(cmd, &f.where, streamNames)
	return cmd
}

func newDelete(a *app) *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "delete LOG OFFSETS",
		Short: "Remove single entries of a log in every region",
		Long: `delete removes the entries at OFFSETS for good, in every region: 7, 5-9, or
several of them parted by commas. LOG is one CommitLog (ORDERS@us-east). The
origin records the digests of what is removed before it is, so that the rest of
the log can still be proved.` + orderHelp,
		Example: `  geomq log delete ORDERS@us-east 4711 --reason "erasure request 12"
  geomq log delete ORDERS@us-east 17,20-25 --dry-run --json`,
		Args: arguments("LOG", "OFFSETS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := oneLog(args[0])
			if err != nil {
				return err
			}
			ranges, err := parseRanges(args[1:])
			if err != nil {
				return &usageError{err}
			}
			order := admin.DeleteOrder{Log: log.Stream(), Offsets: ranges, Reason: f.reason}
			return a.order(cmd, &f, order, func(dry bool) admin.Order { order.DryRun = dry; return order })
		},
	}
	f.flags(cmd)
	f.reasonFlag(cmd)
	a.completeFirst(cmd, &f.where, streamNames)
	return cmd
}

func newRepair(a *app) *cobra.Command {
	var f orderFlags
	var region, from string
	cmd := &cobra.Command{
		Use:   "repair LOG",
		Short: "Make what a region holds of a log right again, from another holder",
		Long: `repair mends what a region holds of LOG: damaged blocks and lacking entries are
fetched again, and a replica that contradicts its origin is made anew. What only
this region holds is kept in its ledger first; see "geomq ledger ls". LOG is one
CommitLog (ORDERS@us-east).` + orderHelp,
		Example: `  geomq log repair ORDERS@us-east --region eu-west --dry-run
  geomq log repair ORDERS@us-east --region eu-west --from ap-south --yes`,
		Args: arguments("LOG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := oneLog(args[0])
			if err != nil {
				return err
			}
			if region == "" {
				return usagef("geomq log repair needs --region REGION: the one whose copy is to be repaired")
			}
			order := admin.RepairOrder{Log: log.Stream(), Region: geo.Region(region), From: geo.Region(from)}
			return a.order(cmd, &f, order, func(dry bool) admin.Order { order.DryRun = dry; return order })
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&region, "region", "", "`REGION` whose copy is repaired (required)")
	cmd.Flags().StringVar(&from, "from", "", "`REGION` to go by (default: the origin, or while it is down one that has everything)")
	a.completeFirst(cmd, &f.where, streamNames)
	a.completeFlag(cmd, "region", &f.where, regionNames)
	a.completeFlag(cmd, "from", &f.where, regionNames)
	return cmd
}

func newAcceptGap(a *app) *cobra.Command {
	var f orderFlags
	var region string
	var offsets []string
	cmd := &cobra.Command{
		Use:   "accept-gap LOG",
		Short: "Let a halted replica go on without entries that nobody has",
		Long: `accept-gap gives up offsets of LOG for the replica of one region, so that its
link goes on behind them. They stay missing there; the replica says so, and does
not serve the stretch to others. Without --offsets it gives up what the link
says is missing ("geomq link ls"). LOG is one CommitLog (ORDERS@us-east).` + orderHelp,
		Example: `  geomq link accept-gap ORDERS@us-east --region eu-west --dry-run
  geomq link accept-gap ORDERS@us-east --region eu-west --offsets 5-9 --reason "expired"`,
		Args: arguments("LOG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := oneLog(args[0])
			if err != nil {
				return err
			}
			if region == "" {
				return usagef("geomq link accept-gap needs --region REGION: the one whose replica is to go on")
			}
			ranges, err := parseRanges(offsets)
			if err != nil {
				return usagef("--offsets: %w", err)
			}
			order := admin.AcceptGapOrder{Log: log.Stream(), Region: geo.Region(region), Ranges: ranges, Reason: f.reason}
			return a.order(cmd, &f, order, func(dry bool) admin.Order { order.DryRun = dry; return order })
		},
	}
	f.flags(cmd)
	f.reasonFlag(cmd)
	cmd.Flags().StringVar(&region, "region", "", "`REGION` whose replica goes on (required)")
	cmd.Flags().StringSliceVar(&offsets, "offsets", nil, "`OFFSETS` to give up, e.g. 5-9 (default: what the link misses)")
	a.completeFirst(cmd, &f.where, streamNames)
	a.completeFlag(cmd, "region", &f.where, regionNames)
	return cmd
}

// order carries out a single order, which is checked before anything is asked.
func (a *app) order(cmd *cobra.Command, f *orderFlags, order admin.Order, make planned) error {
	if _, err := order.In(); err != nil {
		return &usageError{err}
	}
	d, err := a.find(cmd.Context(), f.where)
	if err != nil {
		return err
	}
	_, err = a.carryOut(cmd.Context(), d, f, make)
	return err
}
