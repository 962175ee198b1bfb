package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
	"geomq/mirror"
)

// An origin that may have forgotten deletions learns them from the other regions
// before it opens its log. Until each of them has told, it gives no number to a new
// deletion: one that it forgot may have it. That doubt is kept in the journal, beside
// the deletions themselves.

// learnPause is how often regions are asked that have not told yet.
const learnPause = 5 * time.Second

// errContradicts says that a region's deletions are not those recorded here.
var errContradicts = errors.New("its deletions contradict those of the origin")

// errToldLess says that a region did not tell all the deletions that it knows.
var errToldLess = errors.New("it did not tell its deletions")

func doubtKey(log geo.CommitLog) string { return log.Stream() + "/doubt" }

// doubt writes down that deletions of the log may be forgotten.
func (d *deletions) doubt(ctx context.Context, log geo.CommitLog) error {
	d.mu.Lock()
	delete(d.told, log)
	d.mu.Unlock()
	if doubted, err := d.doubted(ctx, log); err != nil || doubted {
		return err
	}
	if _, err := d.journal.Put(ctx, doubtKey(log), []byte("{}")); err != nil {
		return fmt.Errorf("write down that deletions of %s are in doubt: %w", log, err)
	}
	return nil
}

// doubted tells whether deletions of the log may be forgotten.
func (d *deletions) doubted(ctx context.Context, log geo.CommitLog) (bool, error) {
	_, ok, err := d.journal.RecordOf(ctx, doubtKey(log))
	return ok, err
}

// sure ends the doubt.
func (d *deletions) sure(ctx context.Context, log geo.CommitLog) error {
	record, ok, err := d.journal.RecordOf(ctx, doubtKey(log))
	if err == nil && ok {
		err = d.journal.Delete(ctx, record.Seq)
	}
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.told, log)
	}
	return err
}

// hears takes note that a region has told all that it knows.
func (d *deletions) hears(log geo.CommitLog, region geo.Region) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told == nil {
		d.told = map[geo.CommitLog][]geo.Region{}
	}
	d.told[log] = append(d.told[log], region)
}

// silent are those of regions that have not told yet.
func (d *deletions) silent(log geo.CommitLog, regions []geo.Region) []geo.Region {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(regions), func(r geo.Region) bool { return r == log.Origin || slices.Contains(d.told[log], r) })
}

// knowDeletions learns what the other regions know of deletions, where this one may
// have forgotten some: all that told the opening where they stand tell that as well,
// before the log opens. The others may tell later.
func (o *opener) knowDeletions(ctx context.Context) error {
	d, records := o.duty, &o.duty.node.records.deletions
	if d.id.Control() {
		return nil
	}
	if o.machine.Forgetful() {
		if err := records.doubt(ctx, d.id); err != nil {
			return err
		}
	}
	doubted, err := records.doubted(ctx, d.id)
	if err != nil || !doubted {
		return err
	}
	for tries := 1; ; tries++ {
		silent, err := d.learnDeletions(ctx, o.held, o.machine.Told())
		if err != nil || len(silent) == 0 {
			return err
		}
		left := slices.ContainsFunc(o.machine.Told(), func(r geo.Region) bool { return silent[r] != nil })
		if !left || tries >= carryTries {
			break
		}
		if !sleep(ctx, carryPause) {
			return ctx.Err()
		}
	}
	d.node.group.Go(func() { d.goOnLearning(ctx, o.held) })
	return nil
}

// goOnLearning asks the regions that were silent until all have told.
func (d *duty) goOnLearning(ctx context.Context, held heldLog) {
	for sleep(ctx, learnPause) {
		if !d.deleting.TryLock() {
			continue
		}
		silent, err := d.learnDeletions(ctx, held, d.log.Regions)
		d.deleting.Unlock()
		if err == nil && len(silent) == 0 {
			return
		}
		if err != nil && ctx.Err() == nil {
			d.logger.Warn("could not learn which deletions other regions know, trying again", "error", err)
		}
	}
}

// allDeletionsKnown refuses an order to delete while a region may know of deletions
// that this one forgot: the order would get the number of one of them.
func (d *duty) allDeletionsKnown(ctx context.Context, held heldLog) error {
	doubted, err := held.cluster.records.deletions.doubted(ctx, d.id)
	if err != nil || !doubted {
		return err
	}
	silent, err := d.learnDeletions(ctx, held, d.log.Regions)
	if err != nil || len(silent) == 0 {
		return err
	}
	var why []string
	for region, err := range silent {
		why = append(why, fmt.Sprintf("%s (%v)", region, err))
	}
	slices.Sort(why)
	return fmt.Errorf("%w: region %s lost records of %s, and not every other region has told since which deletions it knows: %s. Bring these up, or take regions that are gone for good out of the configuration, and give the order again",
		admin.ErrRefused, d.id.Origin, d.id, strings.Join(why, "; "))
}

// learnDeletions asks those of regions that have not told yet, carries out what they
// know and this one forgot, and returns all that have still to tell, with the reasons.
// Where there are none, the doubt is over. At most one call is under way.
func (d *duty) learnDeletions(ctx context.Context, held heldLog, regions []geo.Region) (silent map[geo.Region]error, err error) {
	records := &held.cluster.records.deletions
	own, err := held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	told, silent := d.askAll(ctx, records.silent(d.id, regions))
	for _, region := range slices.Sorted(maps.Keys(told)) {
		if theirs := told[region]; ofOneLog(own.Epochs, theirs.Extent.Epochs) {
			err = d.learnFrom(ctx, held, region, theirs.Deletions)
		}
		switch {
		case errors.Is(err, errContradicts):
			d.tellContradiction(region, err)
		case errors.Is(err, errToldLess):
			silent[region] = err
			continue
		case err != nil:
			return silent, err
		}
		records.hears(d.id, region)
	}
	for _, region := range records.silent(d.id, d.log.Regions) {
		if silent[region] == nil {
			silent[region] = errToldLess
		}
	}
	if len(silent) > 0 {
		return silent, nil
	}
	return nil, records.sure(ctx, d.id)
}

// ofOneLog tells whether two epoch tables can be the same log's.
func ofOneLog(a, b geo.Epochs) bool { return a.Extends(b) || b.Extends(a) }

// askAll asks regions where they stand, all at once: each may take its time.
func (d *duty) askAll(ctx context.Context, regions []geo.Region) (told map[geo.Region]mirror.Standing, silent map[geo.Region]error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	told, silent = map[geo.Region]mirror.Standing{}, map[geo.Region]error{}
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, region := range regions {
		group.Go(func() {
			standing, _, err := mirror.AskHolder(ctx, d.node.dialer, region, d.id, d.node.cfg.Region)
			if err == nil && standing.Problem != "" {
				err = errors.New(standing.Problem)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				silent[region] = err
			} else {
				told[region] = standing
			}
		})
	}
	group.Wait()
	return told, silent
}

// learnFrom carries out the deletions up to number theirs that a region knows and
// this one does not. The last that both have must be the same.
func (d *duty) learnFrom(ctx context.Context, held heldLog, region geo.Region, theirs uint64) error {
	own, err := held.cluster.records.deletions.last(ctx, d.id)
	if err != nil || theirs == 0 {
		return err
	}
	after := min(own, theirs)
	if after > 0 {
		after--
	}
	for after < theirs {
		some, err := d.deletionsBehind(ctx, region, after)
		if err != nil {
			return err
		}
		for i := range some {
			if err := d.learn(ctx, held, &some[i]); err != nil {
				return err
			}
		}
		after = some[len(some)-1].Number
	}
	if after > own {
		d.node.event(control.Record{
			Kind: control.LogDeleted, Key: d.key(control.LogDeleted) + "/learnt/" + string(region), Log: d.id.Stream(),
			Text: fmt.Sprintf("%d deletions of %s that %s had lost are carried out again, as %s knows them", after-own, d.id, d.id.Origin, region),
		})
	}
	return nil
}

// deletionsBehind are at least one.
func (d *duty) deletionsBehind(ctx context.Context, region geo.Region, after uint64) ([]geo.Deletion, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	some, _, err := mirror.AskDeletions(ctx, d.node.dialer, region, d.id, d.node.cfg.Region, after)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errToldLess, err)
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("%w behind number %d", errToldLess, after)
	}
	return some, nil
}

// learn records a deletion at its number and carries it out then. What is recorded
// there already stays, and no entry is removed that it does not mean.
func (d *duty) learn(ctx context.Context, held heldLog, deletion *geo.Deletion) error {
	records := &held.cluster.records.deletions
	known, err := records.upTo(ctx, d.id, deletion.Number)
	if err != nil {
		return err
	}
	if at := deletion.Number - 1; at < uint64(len(known)) {
		if !sameDeletion(&known[at], deletion) {
			return fmt.Errorf("%w: number %d is another one", errContradicts, deletion.Number)
		}
		return nil
	}
	block := geo.Range{First: deletion.Offsets[0], Last: deletion.Offsets[len(deletion.Offsets)-1]}
	err = digests(ctx, held, block, func(e *entry.Entry, digest entry.Digest) error {
		at, named := slices.BinarySearch(deletion.Offsets, e.Offset)
		if named && digest != entry.Digest(deletion.Digests[at]) {
			return fmt.Errorf("%w: number %d removed another entry at offset %d than stands there", errContradicts, deletion.Number, e.Offset)
		}
		return nil
	})
	if err == nil {
		err = records.record(ctx, d.id, *deletion)
	}
	if err == nil {
		err = held.DeleteEntries(ctx, deletion.Offsets)
	}
	return err
}

func sameDeletion(a, b *geo.Deletion) bool {
	return a.Number == b.Number && a.Block == b.Block && a.At == b.At && slices.Equal(a.Offsets, b.Offsets) && slices.Equal(a.Digests, b.Digests)
}

func (d *duty) tellContradiction(region geo.Region, err error) {
	d.logger.Error("another region's deletions are not this one's", "from", region, "error", err)
	d.node.event(control.Record{
		Kind: control.LogDeleted, Key: d.key(control.LogDeleted) + "/contradicts/" + string(region), Log: d.id.Stream(),
		Text: fmt.Sprintf("%s and %s do not agree on what was deleted of %s: %v; the link into %s halts until its replica is repaired", d.id.Origin, region, d.id, err, region),
	})
}
