package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// run executes one command line and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	started := false
	noteStart(root, &started)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started {
		err = &usageError{err}
	}
	a.report(cmd, err)
	return exitCode(err)
}

// noteStart makes every command of the tree tell when its work begins: an error
// before that is about the command line, and cobra does not mark those.
func noteStart(cmd *cobra.Command, started *bool) {
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return work(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		noteStart(child, started)
	}
}

// report tells the person about err, with the usage where that was wrong.
func (a *app) report(cmd *cobra.Command, err error) {
	var usage *usageError
	var quiet *quietExit
	switch {
	case err == nil || errors.As(err, &quiet):
	case errors.As(err, &usage):
		a.notice("geomq: %s\n", err)
		fmt.Fprint(a.err, cmd.UsageString())
	default:
		a.notice("geomq: %s", explain(err))
	}
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "geomq",
		Short: "Several regions as one messaging system, on NATS JetStream",
		Long: `geomq makes several regions behave as one messaging system. Producers publish
in the region next to them, and every log is in every region that should have
it, at the same offsets.

Commands that ask or feed a deployment find it by --admin, else by the
environment variable GEOMQ_ADMIN, else by the running "geomq dev" of this user,
else at http://127.0.0.1:8300.

Commands that change something show what they will do and ask first; --yes
answers for scripts, --dry-run only shows.

Exit codes: 0 all is well, 1 something failed, 2 wrong usage, 3 "geomq status":
not every region is known to be safe to lose, 4 "geomq status": all are, but a
log, replica or disk needs somebody, 5 an order was refused or declined and
nothing was changed, 130 ended by a second Ctrl-C.`,
		Example: `  geomq dev                     # three regions on this machine
  geomq pub orders.created '{"id":1}' --region us-east
  geomq sub ORDERS --from beginning --region eu-west
  geomq status`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	asGroup(root)
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	root.AddCommand(
		newDev(a), newServer(a), newGateway(a), newConfig(a),
		newImport(a), newPub(a), newSub(a),
		newStatus(a), newRegion(a), newLog(a), newLink(a), newLedger(a), newEvents(a), newVerify(a),
		newBench(a), newVersion(a),
	)
	return root
}

// asGroup makes cmd a mere group: without one of its commands it is wrong usage.
func asGroup(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s needs a command", cmd.CommandPath())
		}
		return usagef("unknown command %q for %s%s", args[0], cmd.CommandPath(), suggestions(cmd, args[0]))
	}
}

func suggestions(cmd *cobra.Command, typed string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(typed); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// arguments refuses command lines with fewer or more arguments than names; a
// name in brackets may be absent.
func arguments(names ...string) cobra.PositionalArgs {
	needed := 0
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			needed++
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < needed:
			return usagef("%s needs %s", cmd.CommandPath(), names[len(args)])
		case len(args) > len(names):
			return usagef("%s: %q is one argument too many", cmd.CommandPath(), args[len(names)])
		}
		return nil
	}
}
