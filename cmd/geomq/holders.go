package main

import (
	"context"
	"fmt"
	"slices"

	"geomq/admin"
	"geomq/geo"
	"geomq/mirror/verify"
)

// heldLog is a CommitLog with all regions that hold it, or should.
type heldLog struct {
	log     geo.CommitLog
	holders []verify.Holder
	// nodes are the admin APIs of the regions that answer.
	nodes map[geo.Region]*admin.Client
}

// heldLogs sorts what the regions report by CommitLog. Control logs are left out:
// each region forgets their replaced records in its own time.
func heldLogs(st *admin.Status) ([]heldLog, error) {
	var order []geo.CommitLog
	regions := map[geo.CommitLog][]geo.Region{}
	for _, l := range sortedLogs(st.Logs) {
		c := commitLogOf(l)
		if c.Control() {
			continue
		}
		if !slices.Contains(order, c) {
			order = append(order, c)
		}
		regions[c] = append(append(regions[c], l.Region), l.Regions...)
	}
	nodes, err := adminNodes(st)
	if err != nil {
		return nil, err
	}
	var held []heldLog
	for _, c := range order {
		h := heldLog{log: c, nodes: nodes}
		for _, region := range sortedRegions(regions[c], c.Origin) {
			h.holders = append(h.holders, h.holder(st, region))
		}
		held = append(held, h)
	}
	return held, nil
}

// commitLogOf is the identity of l. An adopted stream has a name of its own,
// which tells nothing.
func commitLogOf(l admin.Log) geo.CommitLog {
	if c, err := geo.ParseCommitLog(l.Stream); err == nil && c.Log == l.Log && c.Origin == l.Origin {
		return c
	}
	return geo.CommitLog{Log: l.Log, Queue: geo.SoleQueue, Origin: l.Origin}
}

// adminNodes connects to one node of each region, one that answers.
func adminNodes(st *admin.Status) (map[geo.Region]*admin.Client, error) {
	nodes := map[geo.Region]*admin.Client{}
	for _, r := range st.Regions {
		for _, n := range r.Nodes {
			if !n.Answering || n.Admin == "" || nodes[r.Name] != nil {
				continue
			}
			node, err := admin.NewClient(n.Admin)
			if err != nil {
				return nil, fmt.Errorf("node %s of %s: %w", n.Name, r.Name, err)
			}
			nodes[r.Name] = node
		}
	}
	return nodes, nil
}

// sortedRegions lists regions once each, the origin first.
func sortedRegions(regions []geo.Region, origin geo.Region) []geo.Region {
	regions = slices.Clone(regions)
	slices.Sort(regions)
	regions = slices.Compact(regions)
	if at := slices.Index(regions, origin); at > 0 {
		regions = slices.Insert(slices.Delete(regions, at, at+1), 0, origin)
	}
	return regions
}

func (h *heldLog) holder(st *admin.Status, region geo.Region) verify.Holder {
	if node := h.nodes[region]; node != nil {
		return node.Holder(region)
	}
	state := admin.RegionUnknown
	for _, r := range st.Regions {
		if r.Name == region {
			state = r.State
		}
	}
	return silent{region, fmt.Errorf("%w: no node of %s can be asked (the region is %s)", admin.ErrNoAnswer, region, state)}
}

// silent is a region that should hold a log and can't be asked.
type silent struct {
	region geo.Region
	reason error
}

// Region is the region's name.
func (s silent) Region() geo.Region { return s.region }

// Extent fails.
func (s silent) Extent(context.Context, geo.CommitLog) (geo.Extent, error) {
	return geo.Extent{}, s.reason
}

// Digests fails.
func (s silent) Digests(context.Context, geo.CommitLog, geo.Range, uint64, func(verify.Stretch) error) error {
	return s.reason
}
