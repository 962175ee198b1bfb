package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/geo"
)

// place is how the command line names the brokers to talk to: a URL, or a region
// of a deployment.
type place struct {
	where
	region string
	nats   string
}

func (p *place) flags(a *app, cmd *cobra.Command) {
	p.where.flags(cmd)
	cmd.Flags().StringVar(&p.region, "region", "", "region to talk to (default: that of the node that answers)")
	cmd.Flags().StringVar(&p.nats, "nats", "", "NATS `URL` of the brokers, instead of asking a deployment for it")
	a.completeFlag(cmd, "region", &p.where, regionNames)
}

// brokers is where a region's brokers answer.
type brokers struct {
	url string
	// region is empty where the URL was given.
	region geo.Region
}

func (b brokers) String() string {
	if b.region == "" {
		return b.url
	}
	return fmt.Sprintf("%s (%s)", b.region, b.url)
}

// resolve finds the brokers of p.
func (p *place) resolve(ctx context.Context, a *app) (brokers, error) {
	if p.nats != "" && p.region != "" {
		return brokers{}, usagef("--nats and --region both name brokers; leave one of them out")
	}
	if p.nats != "" {
		return brokers{url: p.nats}, nil
	}
	d, err := a.find(ctx, p.where)
	if err != nil {
		return brokers{}, err
	}
	st, err := ask(ctx, d.node, admin.ScopeAll, askTimeout)
	if err != nil {
		return brokers{}, err
	}
	name := st.Region
	if p.region != "" {
		name = geo.Region(p.region)
	}
	return brokersOf(&st, name)
}

// brokersOf picks the addresses of a region out of st, those of nodes that
// answer where there are any.
func brokersOf(st *admin.Status, name geo.Region) (brokers, error) {
	region, err := regionOf(st, name)
	if err != nil {
		return brokers{}, err
	}
	var answering, silent []string
	for _, n := range region.Nodes {
		switch {
		case n.NATS == "":
		case n.Answering:
			answering = append(answering, n.NATS)
		default:
			silent = append(silent, n.NATS)
		}
	}
	if len(answering) == 0 {
		answering = silent
	}
	if len(answering) == 0 {
		return brokers{}, fmt.Errorf("%w: %s is %s and no broker of it is known; start its nodes, or pick another one with --region (%s)",
			errNoRegion, name, region.State, strings.Join(regionNames(st), ", "))
	}
	return brokers{url: strings.Join(answering, ","), region: name}, nil
}

func regionOf(st *admin.Status, name geo.Region) (admin.Region, error) {
	for _, r := range st.Regions {
		if r.Name == name {
			return r, nil
		}
	}
	return admin.Region{}, fmt.Errorf("%w: %q; there are %s", errNoRegion, name, strings.Join(regionNames(st), ", "))
}
