package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
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
	held, err := b.find(ctx, order.Log)
	if err != nil {
		return admin.Outcome{}, err
	}
	r := &repair{duty: d, held: held}
	if err := r.choose(ctx, order.From); err != nil {
		return admin.Outcome{}, err
	}
	s := steps{report, order.DryRun}
	if err := s.do(ctx, "compare with "+string(r.from), 0, r.why, func(context.Context, func(uint64)) error { return nil }); err != nil {
		return admin.Outcome{}, err
	}
	if err := r.compare(ctx); err != nil {
		return admin.Outcome{}, fmt.Errorf("%w: compare %s with region %s: %w", admin.ErrRefused, order.Log, r.from, err)
	}
	if s.dry {
		s.plan(keepStep, r.lost.Len(), r.note())
		s.plan(anewStep, r.extent.Entries, "")
	} else if err := d.rebuild(ctx, func(ctx context.Context) error { return r.run(ctx, s) }); err != nil {
		return admin.Outcome{}, err
	}
	return admin.Outcome{Entries: r.lost.Len(), Text: r.text(s.dry)}, nil
}

// The steps of a repair.
const (
	keepStep = "keep what only this region has"
	anewStep = "make the replica anew"
)

// repair makes one replica anew.
type repair struct {
	duty   *duty
	held   heldLog
	from   geo.Region
	why    string // it is not the origin
	extent geo.Extent
	only   geo.Ranges // offsets whose entries the other holder does not have so
	lost   geo.Ranges // those of only that can be read, for the ledger
	unread geo.Ranges // those of only that can't
	same   uint64     // entries that both have

	because string                      // why nobody had to order it
	fits    func(context.Context) error // nil, or what is asked after comparing
}

func (r *repair) text(dry bool) string {
	is, are := "is", "are"
	if dry {
		is, are = "would be", "would be"
	}
	text := fmt.Sprintf("the replica of %s in %s %s made anew from %s: %d entries are the same there, %d that only this region has %s kept in its ledger (geomq ledger ls)",
		r.duty.id, r.duty.node.cfg.Region, is, r.from, r.same, r.lost.Len(), are)
	if r.because != "" {
		text = r.because + ": " + text
	}
	if n := r.unread.Len(); n > 0 {
		text += fmt.Sprintf(", and %d can't be read here: what other holders have at offsets %s comes from them, anything else there is lost", n, listed(r.unread[:min(len(r.unread), 5)]))
		if len(r.unread) > 5 {
			text += " and more"
		}
	}
	return text
}

// note names the offsets.
func (r *repair) note() string {
	text := listed(r.lost)
	if len(r.unread) > 0 {
		text = strings.TrimPrefix(text+"; can't be read: "+listed(r.unread), "; ")
	}
	return text
}

// choose finds the holder to compare with and to trust: the one that the order names,
// else the origin, else one that serves all that this region has.
func (r *repair) choose(ctx context.Context, from geo.Region) (err error) {
	d, self := r.duty, r.duty.node.cfg.Region
	if from != "" {
		if r.from = from; from == self || !slices.Contains(d.log.Regions, from) {
			return fmt.Errorf("%w: %s is no other region that holds %s", admin.ErrBadRequest, from, d.id)
		}
		return nil
	}
	if r.extent, err = r.held.Extent(ctx); err != nil {
		return err
	}
	told, silent := d.askAll(ctx, slices.DeleteFunc(slices.Clone(d.log.Regions), func(o geo.Region) bool { return o == self }))
	if s, ok := told[d.id.Origin]; ok && s.Exists {
		r.from = d.id.Origin
		return nil // whether it serves the log is asked again before anything is done
	}
	why := "it does not serve the log"
	if err := silent[d.id.Origin]; err != nil {
		why = err.Error()
	}
	var others []string
	for _, region := range slices.Sorted(maps.Keys(told)) {
		switch s := told[region]; {
		case !s.Exists || !s.Ready:
		case s.Extent.Last >= r.extent.Last && s.Extent.Epochs.Extends(r.extent.Epochs):
			if r.from == "" || s.Extent.Last > told[r.from].Extent.Last {
				r.from, r.why = region, fmt.Sprintf("the origin %s can't be asked (%s)", d.id.Origin, why)
			}
		default:
			others = append(others, fmt.Sprintf("%s (offsets %s)", region, s.Extent.Range()))
		}
	}
	if r.from != "" {
		return nil
	}
	if len(others) == 0 {
		return fmt.Errorf("%w: the origin %s can't be asked (%s), and no other region serves %s", admin.ErrRefused, d.id.Origin, why, d.id)
	}
	return fmt.Errorf("%w: the origin %s can't be asked (%s), and no other region has all of %s that is here (offsets %s): name one with --from, of %s",
		admin.ErrRefused, d.id.Origin, why, d.id, r.extent.Range(), strings.Join(others, ", "))
}

// compare finds what only this region has, by the digests of both sides.
func (r *repair) compare(ctx context.Context) error {
	var err error
	if r.extent, err = r.held.Extent(ctx); err != nil {
		return err
	}
	if r.same = r.extent.Entries; r.duty.id.Control() {
		// What differs are records that later ones have replaced, or that will come.
		return nil
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
	if err != nil {
		return err
	}
	r.only = both(r.only, there)
	r.same -= min(r.same, r.only.Len())
	return r.survey(ctx)
}

// survey finds out which of the entries that only this region has can be read.
func (r *repair) survey(ctx context.Context) error {
	r.lost, r.unread = nil, nil
	for _, only := range r.only {
		var read []geo.Offset
		err := eachReadable(ctx, r.held, only, func(e *entry.Entry) bool { read = append(read, e.Offset); return true })
		if err != nil {
			return err
		}
		unread, err := notAmong(ctx, r.held, only, read)
		if err != nil {
			return err
		}
		r.found(read, unread)
	}
	return nil
}

func (r *repair) found(read []geo.Offset, unread geo.Ranges) {
	r.lost, r.unread = append(r.lost, runs(read)...), append(r.unread, unread...)
}

// offsetsOf are the single offsets of ranges.
func offsetsOf(ranges geo.Ranges) (offsets []geo.Offset) {
	for _, r := range ranges {
		for o := r.First; o <= r.Last; o++ {
			offsets = append(offsets, o)
		}
	}
	return offsets
}

// runs are ascending offsets as ranges.
func runs(offsets []geo.Offset) (all geo.Ranges) {
	for _, o := range offsets {
		if n := len(all); n > 0 && all[n-1].Last+1 == o {
			all[n-1].Last = o
			continue
		}
		all = append(all, geo.Range{First: o, Last: o})
	}
	return all
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

// keep puts entries into the ledger. What the broker can't read is what the repair
// is for: it can't be kept by anybody.
func (r *repair) keep(ctx context.Context, reason string) error {
	r.lost, r.unread = nil, nil
	for _, only := range r.only {
		read, unread, err := r.duty.node.records.keepReadable(ctx, r.held, only, reason)
		if err != nil {
			return err
		}
		r.found(read, unread)
	}
	if len(r.unread) > 0 {
		r.duty.logger.Warn("the ledger lacks entries that can't be read here", "offsets", listed(r.unread))
	}
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
	if r.fits != nil {
		if err := r.fits(ctx); err != nil {
			return err
		}
	}
	n := r.duty.node
	err := s.do(ctx, keepStep, r.lost.Len(), r.note(), func(ctx context.Context, done func(uint64)) error {
		reason := fmt.Sprintf("it was in region %s alone when its replica was repaired from %s", n.cfg.Region, r.from)
		if err := r.keep(ctx, reason); err != nil {
			return err
		}
		done(r.lost.Len())
		return nil
	})
	if err != nil {
		return err
	}
	return s.do(ctx, anewStep, 0, "its link fetches everything again", func(ctx context.Context, _ func(uint64)) error {
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
