package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
)

// names picks words for the shell out of a status.
type names func(*admin.Status) []string

// completeFlag lets the shell complete the values of a flag by asking the
// deployment.
func (a *app) completeFlag(cmd *cobra.Command, flag string, w *where, pick names) {
	// The error says that there is no such flag; TestEveryCommandExplainsItself
	// completes each of them.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.complete(cmd.Context(), *w, pick, typed), cobra.ShellCompDirectiveNoFileComp
	})
}

// completeFirst lets the shell complete the first argument.
func (a *app) completeFirst(cmd *cobra.Command, w *where, pick names) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(cmd.Context(), *w, pick, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// complete keeps silent about every error: the person is in the middle of a line.
func (a *app) complete(ctx context.Context, w where, pick names, typed string) []string {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	d, err := a.find(ctx, w)
	if err != nil {
		return nil
	}
	st, err := d.node.Status(ctx, admin.ScopeLocal)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(pick(&st), func(name string) bool { return !strings.HasPrefix(name, typed) })
}

// regionNames lists the regions of st.
func regionNames(st *admin.Status) []string {
	var all []string
	for _, r := range st.Regions {
		all = append(all, string(r.Name))
	}
	return sortedOnce(all)
}

// logNames lists the logs of st by name and by CommitLog.
func logNames(st *admin.Status) []string {
	var all []string
	for _, l := range st.Logs {
		all = append(all, string(l.Log), l.Stream)
	}
	return sortedOnce(all)
}

// streamNames lists the CommitLogs of st.
func streamNames(st *admin.Status) []string {
	var all []string
	for _, l := range st.Logs {
		all = append(all, l.Stream)
	}
	return sortedOnce(all)
}

// topicNames lists what can be published to, wildcards cut off.
func topicNames(st *admin.Status) []string {
	var all []string
	for _, l := range st.Logs {
		for _, t := range l.Topics {
			all = append(all, strings.TrimRight(string(t), ">*"))
		}
	}
	return sortedOnce(all)
}

func sortedOnce(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
