package node

import (
	"context"
	"fmt"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/mirror"
)

// AcceptGap implements admin.Operator.
func (b backend) AcceptGap(ctx context.Context, order admin.AcceptGapOrder, report admin.Report) (admin.Outcome, error) {
	d, err := b.replica(order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	held, err := b.find(ctx, order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return admin.Outcome{}, err
	}
	ranges := order.Ranges
	if len(ranges) == 0 {
		ranges = missing(d.link.Status())
	}
	if len(ranges) == 0 {
		return admin.Outcome{}, fmt.Errorf("%w: the link of %s into %s is not halted by missing offsets: name those to give up", admin.ErrRefused, order.Log, b.node.cfg.Region)
	}
	if ranges[0].First <= extent.Last {
		return admin.Outcome{}, fmt.Errorf("%w: %s has come to offset %d in %s already; a gap begins behind that", admin.ErrRefused, order.Log, extent.Last, b.node.cfg.Region)
	}
	gaps, err := held.Gaps(ctx)
	if err != nil {
		return admin.Outcome{}, err
	}
	for _, r := range ranges {
		gaps = gaps.Add(r)
	}
	s := steps{report, order.DryRun}
	outcome := admin.Outcome{Entries: ranges.Len(), Text: fmt.Sprintf("%s goes on in %s without %s within 5 s", order.Log, b.node.cfg.Region, listed(ranges))}
	if s.dry {
		outcome.Text = fmt.Sprintf("%s would go on in %s without %s", order.Log, b.node.cfg.Region, listed(ranges))
	}
	err = s.do(ctx, "give the offsets up", ranges.Len(), listed(ranges), func(ctx context.Context, _ func(uint64)) error {
		if err := held.SetGaps(ctx, gaps); err != nil {
			return err
		}
		d.event(control.GapAccepted, fmt.Sprintf("offsets %s of %s are given up in %s%s", listed(ranges), order.Log, b.node.cfg.Region, because(order.Reason)))
		return nil
	})
	return outcome, err
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
