package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/geo"
	"geomq/node/dev"
)

const (
	defaultAdmin = "http://127.0.0.1:8300"
	adminEnv     = "GEOMQ_ADMIN"
)

var (
	// errNoDeployment says that no node answered anywhere it was looked for.
	errNoDeployment = errors.New("no geomq node answers")
	// errNoRegion says that the deployment has no region of that name, or none
	// that can be used now.
	errNoRegion = errors.New("no such region")
)

// where is how the command line names a deployment.
type where struct {
	admin string
	dev   string
}

// flags adds --admin and --dev to cmd.
func (w *where) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.admin, "admin", "", "admin `URL` of any node; several, parted by commas, are tried in turn")
	cmd.Flags().StringVar(&w.dev, "dev", "", "use the \"geomq dev\" that keeps its data in `DIR`")
}

// door is an address at which a node may answer.
type door struct {
	url string
	// region is the node's, where it is known beforehand.
	region geo.Region
}

// deployment is a deployment of which one node has been found.
type deployment struct{ node *admin.Client }

// find looks for a node that answers.
func (a *app) find(ctx context.Context, w where) (*deployment, error) {
	doors, err := a.doors(w)
	if err != nil {
		return nil, err
	}
	if len(doors) == 1 { // the question itself will show whether it answers
		return open(doors[0].url)
	}
	var tried []string
	for _, d := range doors {
		found, err := open(d.url)
		if err != nil {
			return nil, err
		}
		if found.answers(ctx, d.region) {
			return found, nil
		}
		tried = append(tried, d.url)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w at %s; start one with: geomq dev, or name one with --admin", errNoDeployment, strings.Join(tried, ", "))
}

func open(url string) (*deployment, error) {
	node, err := admin.NewClient(url)
	if err != nil {
		return nil, &usageError{err}
	}
	return &deployment{node}, nil
}

// answers tells whether a node of that region answers there; any will do where
// region is empty. A folder may hold the addresses of a deployment that is gone,
// at which another one may have started.
func (d *deployment) answers(ctx context.Context, region geo.Region) bool {
	st, err := ask(ctx, d.node, admin.ScopeLocal, probeTimeout)
	return err == nil && (region == "" || st.Region == region)
}

// doors lists where to look, in the order in which the root's help names them.
func (a *app) doors(w where) ([]door, error) {
	switch {
	case w.admin != "" && w.dev != "":
		return nil, usagef("--admin and --dev name two deployments; leave one of them out")
	case w.admin != "":
		return named(w.admin), nil
	case w.dev != "":
		return readDevFile(w.dev)
	}
	if fromEnv, _ := a.lookup(adminEnv); fromEnv != "" {
		return named(fromEnv), nil
	}
	var doors []door
	if dir, err := a.devData(); err == nil {
		doors, _ = readDevFile(dir) // that none is running is no mistake here
	}
	return append(doors, door{url: defaultAdmin}), nil
}

// named reads a list of URLs.
func named(list string) []door {
	var doors []door
	for url := range strings.SplitSeq(list, ",") {
		if url = strings.TrimSpace(url); url != "" {
			doors = append(doors, door{url: url})
		}
	}
	if doors == nil {
		doors = []door{{url: defaultAdmin}}
	}
	return doors
}

// readDevFile lists the regions of the `geomq dev` that keeps its data in dir.
func readDevFile(dir string) ([]door, error) {
	path := dev.AddressesFile(dir)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("no running geomq dev is known in %s: %w; start it with: geomq dev --data %s", dir, err, dir)
	}
	var file dev.Addresses
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s can't be read: %w; start geomq dev again", path, err)
	}
	var doors []door
	for _, r := range file.Regions {
		doors = append(doors, door{url: r.Admin, region: r.Name})
	}
	if len(doors) == 0 {
		return nil, fmt.Errorf("%s names no region; start geomq dev again", path)
	}
	return doors, nil
}
