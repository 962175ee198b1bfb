package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/configs"
)

func newConfig(a *app) *cobra.Command {
	config := &cobra.Command{
		Use:     "config",
		Short:   "Check a configuration and look up its fields",
		Long:    "config holds the commands about the file that \"geomq server\" reads.",
		Example: "  geomq config check geomq.yaml",
	}
	asGroup(config)
	config.AddCommand(newConfigCheck(a), newConfigReference(a))
	return config
}

func newConfigCheck(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Report every problem of a configuration at once",
		Long: `check reads a configuration as "geomq server" would and reports every problem
with the path of its field and its line. Nothing is started, and the data folder
is not touched. Exit code 0 means that the file is valid, 1 that it is not.`,
		Example: `  geomq config check geomq.yaml
  geomq config check geomq.yaml --json`,
		Args: arguments("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := configs.Load(args[0])
			if asJSON {
				return a.configDocument(err)
			}
			if err != nil {
				return describeConfig(args[0], err)
			}
			return a.printLines(configSummary(args[0], cfg))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print {\"ok\":…,\"problems\":[…]}")
	return cmd
}

// configDocument prints what is wrong with a configuration as JSON; a file that
// can't be read at all is an ordinary error.
func (a *app) configDocument(err error) error {
	var problems configs.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	document := struct {
		OK       bool              `json:"ok"`
		Problems []configs.Problem `json:"problems"`
	}{err == nil, orEmpty(problems)}
	if failed := a.printJSON(document); failed != nil || err == nil {
		return failed
	}
	return &quietExit{exitFailed}
}

// describeConfig writes one problem a line under a line that counts them.
func describeConfig(file string, err error) error {
	var problems configs.Problems
	if !errors.As(err, &problems) {
		return err
	}
	return fmt.Errorf("%s has %s\n%s", file, plural(len(problems), "problem"), indent(problems.Error()))
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// plural is e.g. "1 problem" or "3 problems".
func plural(n int, word string) string {
	count := table.Count(uint64(n)) + " " + word
	if n == 1 {
		return count
	}
	return count + "s"
}

// configSummary says what a valid configuration makes.
func configSummary(file string, c *configs.Config) []string {
	lines := []string{
		fmt.Sprintf("ok: %s", file),
		fmt.Sprintf("node %s of region %s, 1 of %s; %s in the region", c.Node, c.Region, plural(len(c.Regions), "region"), plural(c.Broker.Brokers, "broker")),
		fmt.Sprintf("listens on %s (NATS), %s (gossip), %s (admin); data in %s", c.Listen.NATS, c.Listen.Gossip, c.Listen.Admin, c.Data),
	}
	for _, l := range c.Logs {
		lines = append(lines, fmt.Sprintf("log %s: %s in %s, %s, flush %s", l.Name, joined(l.Topics), joined(l.Regions), l.Mode, l.Flush))
	}
	for i := range lines {
		lines[i] = term.Clean(lines[i])
	}
	return lines
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

func newConfigReference(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "reference",
		Short:   "List every field of a configuration with its default",
		Long:    "reference lists every field that a configuration may have, what it is for and\nwhat it is when absent.",
		Example: "  geomq config reference | less",
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.printJSON(configs.Reference())
			}
			t := table.New(table.Column{Title: "FIELD"}, table.Column{Title: "DEFAULT"}, table.Column{Title: "MEANING"})
			for _, f := range configs.Reference() {
				t.Row(table.Text(f.Path), table.Text(f.Default), table.Text(f.Text))
			}
			// Nothing is cut from a text that is for reading, even if it wraps.
			return a.printLines(t.Lines(term.Output{Writer: a.out.Writer, Colour: a.out.Colour}))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of fields")
	return cmd
}
