package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"geomq/admin"
	"geomq/geo"
	"geomq/mirror"
)

// fromAnybody makes the replica anew from the first holder that can be used: the
// origin, or while that is silent a region that has all that is here. An error says
// why none could be; it is errLeave where there is no use in trying again soon.
func (m *mend) fromAnybody(ctx context.Context, held heldLog, lacking geo.Ranges) error {
	own, err := held.Extent(ctx)
	if err != nil {
		return err
	}
	told, silent := m.duty.askAll(ctx, m.duty.otherRegions())
	var whys []string
	for _, region := range slices.Sorted(maps.Keys(silent)) {
		whys = append(whys, fmt.Sprintf("%s does not tell (%v)", region, silent[region]))
	}
	candidates, rest := m.candidates(own, told)
	whys = append(whys, rest...)
	leave := len(silent) == 0 && len(candidates) == len(told)
	for _, region := range candidates {
		err := m.from(ctx, held, lacking, region, told[region])
		if err == nil || errors.Is(err, errWhole) || ctx.Err() != nil {
			return err
		}
		// What an origin that serves its log says is the log's: its link can go on.
		is := errors.Is(err, errLeave)
		leave = leave && is || is && region == m.duty.id.Origin
		whys = append(whys, fmt.Sprintf("%s: %v", region, err))
	}
	err = errors.New(strings.Join(whys, "; "))
	if leave {
		err = fmt.Errorf("%w: %w; compare its holders: geomq verify %s", errLeave, err, m.duty.id)
	}
	return err
}

// otherRegions are those that hold the log, too.
func (d *duty) otherRegions() []geo.Region {
	return slices.DeleteFunc(slices.Clone(d.log.Regions), func(o geo.Region) bool { return o == d.node.cfg.Region })
}

// candidates are the regions that the replica could be made from, and why not the
// others. An origin that is opening its log may want what is here, so it is waited
// for.
func (m *mend) candidates(own geo.Extent, told map[geo.Region]mirror.Standing) (can []geo.Region, whys []string) {
	origin, answers := told[m.duty.id.Origin]
	if answers && !origin.Ready {
		return nil, []string{fmt.Sprintf("%s is opening the log", m.duty.id.Origin)}
	}
	for _, region := range slices.Sorted(maps.Keys(told)) {
		switch s := told[region]; {
		case region == m.duty.id.Origin:
			can = slices.Insert(can, 0, region)
		case !s.Exists || !s.Ready:
			whys = append(whys, fmt.Sprintf("%s does not serve it now", region))
		case s.Extent.Last < own.Last || !s.Extent.Epochs.Extends(own.Epochs):
			whys = append(whys, fmt.Sprintf("%s has not all that is here (offsets %s)", region, s.Extent.Range()))
		default:
			can = append(can, region)
		}
	}
	return can, whys
}

// from makes the replica anew from one region, unless what it lacks is not there
// either, or this region would lose something.
func (m *mend) from(ctx context.Context, held heldLog, lacking geo.Ranges, region geo.Region, standing mirror.Standing) error {
	d := m.duty
	known, err := m.knownTo(ctx, held, region, standing)
	if err != nil {
		return err
	}
	left := without(lacking, known)
	if len(left) == 0 {
		return errWhole
	}
	has, _, err := d.has(ctx, region, left)
	if err != nil {
		return err
	}
	if len(has) == 0 {
		return fmt.Errorf("%w, for it lacks them, too", errLeave)
	}
	r := &repair{duty: d, held: held, from: region, because: m.what("lacked", left)}
	if region != d.id.Origin {
		r.why = fmt.Sprintf("the origin %s can't be asked", d.id.Origin)
	}
	r.fits = func(ctx context.Context) error { return m.fits(ctx, r, left, standing) }
	err = d.rebuild(ctx, func(ctx context.Context) error { return r.run(ctx, m.steps(left, region)) })
	if err == nil {
		d.logger.Warn("a replica was made anew", "from", region, "what", r.text(false))
	}
	return err
}

// knownTo are the offsets of which another holder says why they hold no entry: a
// crash may have come before that was recorded here.
func (m *mend) knownTo(ctx context.Context, held heldLog, region geo.Region, standing mirror.Standing) (geo.Ranges, error) {
	known := standing.Extent.Epochs.Skipped()
	if first := standing.Extent.First; first > 1 {
		known = known.Add(geo.Range{First: 1, Last: first - 1}) // they have trimmed it
	}
	after, err := held.cluster.records.deletions.last(ctx, m.duty.id)
	for err == nil && after < standing.Deletions {
		var some []geo.Deletion
		if some, err = m.duty.deletionsBehind(ctx, region, after); err != nil {
			break
		}
		for _, d := range some {
			for _, r := range runs(d.Offsets) {
				known = known.Add(r)
			}
		}
		after = some[len(some)-1].Number
	}
	return known, err
}

// fits is asked when the link is at rest and both sides have been compared. What only
// this region has may go to the ledger where the log's epochs say that it is no part
// of it any more, as a link has it. Anything else is a contradiction, or something
// that the other holder lacks: no machine can tell which.
func (m *mend) fits(ctx context.Context, r *repair, lacking geo.Ranges, standing mirror.Standing) error {
	explained, err := r.held.explained(ctx, r.extent.Epochs)
	if err != nil {
		return err
	}
	if len(without(lacking, explained)) == 0 {
		return errWhole // a deletion was being recorded
	}
	if !standing.Extent.Epochs.Extends(r.extent.Epochs) {
		return fmt.Errorf("%w, for its epochs contradict those of %s", errLeave, r.from)
	}
	if only := without(r.lost, standing.Extent.Epochs.Skipped()); len(only) > 0 {
		return fmt.Errorf("%w: %w, for %s has not what is here at offsets %s", errLeave, admin.ErrRefused, r.from, someListed(only))
	}
	return nil
}
