package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/mirror"
	"geomq/mirror/verify"
)

// AcceptGap implements admin.Operator. Nothing is given up that somebody who can be
// asked has, or that has yet to be written.
func (b backend) AcceptGap(ctx context.Context, order admin.AcceptGapOrder, report admin.Report) (admin.Outcome, error) {
	d, err := b.replica(order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	held, err := b.find(ctx, order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	ranges, err := d.givenUp(ctx, held, order.Ranges)
	if err != nil {
		return admin.Outcome{}, err
	}
	lack, silent, err := d.lacking(ctx, ranges)
	if err != nil {
		return admin.Outcome{}, err
	}
	gaps, err := held.Gaps(ctx)
	if err != nil {
		return admin.Outcome{}, err
	}
	for _, r := range ranges {
		gaps = gaps.Add(r)
	}
	s := steps{report, order.DryRun}
	verb := "goes on"
	if s.dry {
		verb = "would go on"
	}
	outcome := admin.Outcome{Entries: ranges.Len(), Text: fmt.Sprintf("%s %s in %s without offsets %s, within 5 s: what stood there is lost for this replica. %s",
		order.Log, verb, b.node.cfg.Region, listed(ranges), whoLacks(lack, silent))}
	err = s.do(ctx, "give the offsets up", ranges.Len(), listed(ranges), func(ctx context.Context, _ func(uint64)) error {
		if err := held.SetGaps(ctx, gaps); err != nil {
			return err
		}
		d.event(control.GapAccepted, fmt.Sprintf("offsets %s of %s are given up in %s%s", listed(ranges), order.Log, b.node.cfg.Region, because(order.Reason)))
		return nil
	})
	return outcome, err
}

// givenUp are the offsets that an order means: those it names, else what the link
// says is missing. A link that is not halted by missing offsets misses none.
func (d *duty) givenUp(ctx context.Context, held heldLog, named geo.Ranges) (geo.Ranges, error) {
	status, region := d.link.Status(), d.node.cfg.Region
	lacks := missing(status)
	if len(lacks) == 0 {
		return nil, fmt.Errorf("%w: the link of %s into %s is %s, and not halted by missing offsets: there is nothing to give up", admin.ErrRefused, d.id, region, status.State)
	}
	if len(named) == 0 {
		named = lacks
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	if named[0].First <= extent.Last {
		return nil, fmt.Errorf("%w: %s has come to offset %d in %s already; a gap begins behind that", admin.ErrRefused, d.id, extent.Last, region)
	}
	return named, nil
}

// lackPatience bounds how long one region is asked what it has.
const lackPatience = 20 * time.Second

// lacking asks all other regions whether they have any of ranges, and refuses the
// order if one does. It returns those that lack all of it, and those that did not
// tell. A region has what it holds as an entry, unless the link found that it can't
// be served: a damaged entry is one that nobody has.
func (d *duty) lacking(ctx context.Context, ranges geo.Ranges) (lack, silent []geo.Region, err error) {
	unserved := geo.Ranges(nil)
	if status := d.link.Status(); status.Cause == mirror.CauseGap {
		unserved = missing(status)
	}
	end := geo.Offset(0)
	for _, region := range d.log.Regions {
		if region == d.node.cfg.Region {
			continue
		}
		has, extent, err := d.has(ctx, region, without(ranges, unserved))
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			silent = append(silent, region)
		case len(has) > 0:
			return nil, nil, fmt.Errorf("%w: region %s has entries of %s at offsets %s; let the link fetch them, or give up others",
				admin.ErrRefused, region, d.id, listed(has[:min(len(has), 5)]))
		default:
			lack, end = append(lack, region), max(end, extent.Last)
		}
	}
	if last := ranges[len(ranges)-1].Last; len(lack) == 0 {
		return nil, nil, fmt.Errorf("%w: no other region tells whether it has offsets %s of %s: %s",
			admin.ErrRefused, listed(ranges), d.id, whoLacks(lack, silent))
	} else if last > end {
		return nil, nil, fmt.Errorf("%w: %s ends at offset %d in %s; offset %d is not lacking, it has yet to be written",
			admin.ErrRefused, d.id, end, named(lack), last)
	}
	return lack, silent, nil
}

// has are the stretches of ranges in which a region holds entries.
func (d *duty) has(ctx context.Context, region geo.Region, ranges geo.Ranges) (has geo.Ranges, extent geo.Extent, err error) {
	ctx, cancel := context.WithTimeout(ctx, lackPatience)
	defer cancel()
	client, err := d.node.holderIn(region)
	if err != nil {
		return nil, extent, err
	}
	defer client.Close()
	holder := client.Holder(region)
	if extent, err = holder.Extent(ctx, d.id); err != nil {
		return nil, extent, err
	}
	for _, r := range ranges {
		r = r.Intersect(extent.Range())
		if r.Len() == 0 {
			continue
		}
		step := uint64(geo.BlockSize)
		if r.Len() <= geo.BlockSize {
			step = 1
		}
		err := holder.Digests(ctx, d.id, r, step, func(s verify.Stretch) error {
			if s.Entries > 0 {
				has = has.Add(s.Range)
			}
			return nil
		})
		if err != nil {
			return nil, extent, err
		}
	}
	return has, extent, nil
}

// without are the offsets of all that are not in some.
func without(all, some geo.Ranges) (left geo.Ranges) {
	for _, r := range all {
		for _, part := range some.Without(r) {
			left = left.Add(part)
		}
	}
	return left
}

func whoLacks(lack, silent []geo.Region) string {
	var parts []string
	if len(lack) > 0 {
		parts = append(parts, named(lack)+" can't give them")
	}
	if len(silent) > 0 {
		parts = append(parts, named(silent)+" did not answer and may have them")
	}
	return strings.Join(parts, "; ")
}

func named(regions []geo.Region) string {
	names := make([]string, len(regions))
	for i, r := range regions {
		names[i] = string(r)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func listed(ranges geo.Ranges) string {
	text := ""
	for i, r := range ranges {
		if i > 0 {
			text += ", "
		}
		text += r.String()
	}
	return text
}

// missing are the offsets that a halted link can't get.
func missing(s mirror.LinkStatus) geo.Ranges {
	if s.State != mirror.StateHalted || s.Missing.Len() == 0 {
		return nil
	}
	return geo.Ranges{s.Missing}
}
