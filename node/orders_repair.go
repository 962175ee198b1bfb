package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/mirror"
	"geomq/mirror/verify"
)

// Repair implements admin.Operator. A replica's stream can't be changed in the
// middle or cut at its end: it is made anew from another holder, and what only
// this region has goes to the ledger before.
func (b backend) Repair(ctx context.Context, order admin.RepairOrder, report admin.Report) (admin.Outcome, error) {
	d, err := b.replica(order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	from := order.From
	if from == "" {
		from = d.id.Origin
	}
	if from == b.node.cfg.Region || !slices.Contains(d.log.Regions, from) {
		return admin.Outcome{}, fmt.Errorf("%w: %s is no other region that holds %s", admin.ErrBadRequest, from, order.Log)
	}
	held, err := b.find(ctx, order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	s := steps{report, order.DryRun}
	r := &repair{duty: d, held: held, from: from}
	if err := s.do(ctx, "compare with "+string(from), 0, "", func(context.Context, func(uint64)) error { return nil }); err != nil {
		return admin.Outcome{}, err
	}
	if err := r.compare(ctx); err != nil {
		return admin.Outcome{}, fmt.Errorf("%w: compare %s with region %s: %w", admin.ErrRefused, order.Log, from, err)
	}
	outcome := admin.Outcome{Entries: r.only.Len(), Text: r.text(s.dry)}
	if s.dry {
		s.plan("keep what only this region has", r.only.Len(), listed(r.only))
		s.plan("make the replica anew", r.extent.Entries, "")
		return outcome, nil
	}
	return outcome, d.rebuild(ctx, func(ctx context.Context) error { return r.run(ctx, s) })
}

// repair makes one replica anew.
type repair struct {
	duty   *duty
	held   heldLog
	from   geo.Region
	extent geo.Extent
	only   geo.Ranges // offsets whose entries the other holder does not have so
}

func (r *repair) text(dry bool) string {
	verb := "is"
	if dry {
		verb = "would be"
	}
	return fmt.Sprintf("the replica of %s in %s %s made anew from %s; %d entries that only it has %s kept in the ledger (geomq ledger ls)",
		r.duty.id, r.duty.node.cfg.Region, verb, r.from, r.only.Len(), map[bool]string{true: "would be", false: "are"}[dry])
}

// compare finds what only this region has, by the digests of both sides.
func (r *repair) compare(ctx context.Context) error {
	var err error
	if r.extent, err = r.held.Extent(ctx); err != nil {
		return err
	}
	other, err := r.duty.node.holderIn(r.from)
	if err != nil {
		return err
	}
	defer other.Close()
	holder := other.Holder(r.from)
	theirs, err := holder.Extent(ctx, r.duty.id)
	if err != nil {
		return err
	}
	r.only = nil
	shared := r.extent.Range().Intersect(theirs.Range())
	if err := r.compareShared(ctx, holder, shared); err != nil {
		return err
	}
	// What is behind their end is ours alone; what they have trimmed was theirs.
	r.only = r.only.Add(geo.Range{First: max(theirs.Last+1, r.extent.First), Last: r.extent.Last})
	there, err := r.held.present(ctx, r.extent.Range())
	r.only = both(r.only, there)
	return err
}

// both are the offsets that are in a and in b.
func both(a, b geo.Ranges) (common geo.Ranges) {
	for _, r := range b {
		for _, part := range a.Intersect(r) {
			common = common.Add(part)
		}
	}
	return common
}

// compareShared compares whole blocks first, and offset by offset those that
// differ.
func (r *repair) compareShared(ctx context.Context, holder verify.Holder, shared geo.Range) error {
	if shared.Len() == 0 {
		return nil
	}
	differing, err := r.differing(ctx, holder, shared, geo.BlockSize)
	if err != nil {
		return err
	}
	for _, stretch := range differing {
		single, err := r.differing(ctx, holder, stretch, 1)
		if err != nil {
			return err
		}
		for _, offset := range single {
			r.only = r.only.Add(offset)
		}
	}
	return nil
}

// differing are the stretches of so many offsets whose digests are not the same
// on both sides.
func (r *repair) differing(ctx context.Context, holder verify.Holder, within geo.Range, step uint64) (geo.Ranges, error) {
	var theirs []verify.Stretch
	err := holder.Digests(ctx, r.duty.id, within, step, func(s verify.Stretch) error {
		theirs = append(theirs, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var found geo.Ranges
	at := 0
	err = backend{r.duty.node}.Digests(ctx, admin.DigestQuery{Stream: r.duty.id.Stream(), Range: within, Step: step}, func(s verify.Stretch) error {
		if at >= len(theirs) || theirs[at].Range != s.Range || theirs[at].Digest != s.Digest {
			found = append(found, s.Range)
		}
		at++
		return nil
	})
	return found, err
}

// other makes sure that the other holder serves the log and goes on doing so. A
// replica that is made anew says that it does not, from before it asks until it is
// done: of two that would be made from each other neither is.
func (r *repair) other(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, repairAsk)
	defer cancel()
	n := r.duty.node
	standing, _, err := mirror.AskHolder(ctx, n.dialer, r.from, r.duty.id, n.cfg.Region)
	switch {
	case err != nil:
		return fmt.Errorf("%w: ask %s whether it serves %s: %w", admin.ErrRefused, r.from, r.duty.id, err)
	case !standing.Exists || !standing.Ready:
		return fmt.Errorf("%w: region %s does not serve %s now: it is being opened or made anew itself", admin.ErrRefused, r.from, r.duty.id)
	}
	return nil
}

// repairAsk bounds the question whether the other holder serves the log.
const repairAsk = 5 * time.Second

// keep puts entries into the ledger. What the broker can't read, twice, is what
// the repair is for: it can't be kept by anybody.
func (r *repair) keep(ctx context.Context, only geo.Range, reason string) error {
	records := r.duty.node.records
	_, err := records.keep(ctx, r.held, only, reason)
	if !errors.Is(err, errStill) {
		return err
	}
	if !sleep(ctx, carryPause) {
		return ctx.Err()
	}
	if _, err = records.keep(ctx, r.held, only, reason); !errors.Is(err, errStill) {
		return err
	}
	r.duty.logger.Warn("the ledger lacks entries that can't be read here", "offsets", only.String(), "error", err)
	return nil
}

// run does it, while the link is at rest.
func (r *repair) run(ctx context.Context, s steps) error {
	if err := r.other(ctx); err != nil {
		return err
	}
	if err := r.compare(ctx); err != nil { // the link may have brought more since
		return err
	}
	n := r.duty.node
	err := s.do(ctx, "keep what only this region has", r.only.Len(), listed(r.only), func(ctx context.Context, done func(uint64)) error {
		for _, only := range r.only {
			reason := fmt.Sprintf("it was in region %s alone when its replica was repaired from %s", n.cfg.Region, r.from)
			if err := r.keep(ctx, only, reason); err != nil {
				return err
			}
		}
		done(r.only.Len())
		return nil
	})
	if err != nil {
		return err
	}
	return s.do(ctx, "make the replica anew", 0, "its link fetches everything again", func(ctx context.Context, _ func(uint64)) error {
		// Patches and deletions may be those of a log that is no more, and the
		// stream's absence says that they are gone: they go first.
		if err := n.forget(ctx, r.duty.id); err != nil {
			return err
		}
		if err := n.broker.Remove(ctx, r.duty.id); err != nil {
			return err
		}
		r.duty.event(control.LogRepaired, r.text(false))
		return nil
	})
}

// forget drops what is kept beside a replica that is going to be made anew.
func (n *Node) forget(ctx context.Context, id geo.CommitLog) error {
	kept := patches{n.records.patches, id}
	blocks, err := kept.Blocks(ctx)
	if err != nil {
		return err
	}
	for _, block := range blocks {
		if err := kept.Drop(ctx, block); err != nil {
			return err
		}
	}
	return n.records.deletions.drop(ctx, id)
}

// holderIn is the admin API of a node in another region.
func (n *Node) holderIn(region geo.Region) (*admin.Client, error) {
	for _, node := range n.members.Region(region) {
		return admin.NewClient(node.Admin)
	}
	return nil, fmt.Errorf("no node of region %s is known", region)
}
