package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"geomq/geo"
)

// devRequest is what `geomq dev` was asked for; empty fields take the defaults
// of package node/dev.
type devRequest struct {
	data        string
	regions     []geo.Region
	brokers     int
	randomPorts bool
	out         io.Writer
	terminal    bool
	log         *slog.Logger
	version     string
}

func newDev(a *app) *cobra.Command {
	var regions, ports string
	var verbose bool
	r := devRequest{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run three whole regions in this process, for trying things out",
		Long: `dev runs a deployment of three regions in one process on loopback: brokers,
gossip, a log ORDERS over orders.>, and every link. Each node is a real one.
Data stays in a folder, so a second start carries on; delete the folder to begin
anew. Once everything answers, the folder holds dev.json with the addresses, by
which the other commands find the deployment.

A default port that is taken moves to the next free one. Ctrl-C ends it.`,
		Example: `  geomq dev
  geomq dev --regions tokyo,paris --ports random --data /tmp/two-regions
  geomq dev --brokers 3`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if r.regions, err = parseRegions(regions); err != nil {
				return err
			}
			if r.randomPorts, err = parsePorts(ports); err != nil {
				return err
			}
			if r.brokers < 1 || r.brokers > 5 {
				return usagef("--brokers %d: a region of geomq dev has 1 to 5 brokers", r.brokers)
			}
			if verbose {
				r.log = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			return a.runDevelopment(cmd.Context(), r)
		},
	}
	cmd.Flags().StringVar(&r.data, "data", "", "`DIR` for all data (default: geomq/dev in the user's cache)")
	cmd.Flags().StringVar(&regions, "regions", "", "`NAMES` parted by commas (default: us-east,eu-west,ap-south)")
	cmd.Flags().IntVar(&r.brokers, "brokers", 1, "`N` brokers in each region")
	cmd.Flags().StringVar(&ports, "ports", "default", "`PORTS` to listen on: default or random")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "write the nodes' logs to stderr")
	return cmd
}

func (a *app) runDevelopment(ctx context.Context, r devRequest) error {
	r.out, r.terminal, r.version = a.out, a.out.Terminal, a.version
	if r.log != nil && a.err.Terminal {
		r.terminal = false // logs in between would garble what is redrawn in place
	}
	return a.runDev(ctx, r)
}

// parseRegions reads names parted by commas; nil means the default ones.
func parseRegions(list string) ([]geo.Region, error) {
	if list == "" {
		return nil, nil
	}
	var regions []geo.Region
	for name := range strings.SplitSeq(list, ",") {
		region, err := geo.ParseRegion(strings.TrimSpace(name))
		if err != nil {
			return nil, usagef("--regions: %w", err)
		}
		if slices.Contains(regions, region) {
			return nil, usagef("--regions names %s twice", region)
		}
		regions = append(regions, region)
	}
	return regions, nil
}

func parsePorts(word string) (random bool, err error) {
	switch word {
	case "default":
		return false, nil
	case "random":
		return true, nil
	}
	return false, usagef("--ports %q is neither default nor random", word)
}
