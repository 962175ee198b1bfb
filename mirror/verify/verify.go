package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"geomq/geo"
)

// Drill is how many differing blocks are looked at offset by offset.
const Drill = 5

// settle is how long a holder's extent may lag behind what it has already
// trimmed.
const settle = 2 * time.Second

// Holder is a region that has a CommitLog or a replica of it. Verify calls a
// holder's methods from several goroutines at once.
type Holder interface {
	// Region is the holder's name.
	Region() geo.Region
	// Extent says what the holder has at the moment.
	Extent(ctx context.Context, log geo.CommitLog) (geo.Extent, error)
	// Digests gives the stretches of r to yield, in order and without a gap, in
	// parts of step offsets aligned to the blocks; a Digester makes them. It ends
	// with an error where it can't cover all of r, and with yield's where that
	// has one.
	Digests(ctx context.Context, log geo.CommitLog, r geo.Range, step uint64, yield func(Stretch) error) error
}

// verification is one run of Verify. Its fields belong to the goroutine that
// compares.
type verification struct {
	log     geo.CommitLog
	holders []Holder
	extents []geo.Extent
	failed  []error // by index of the holder; the first error counts
	report  Report
}

// Verify compares what holders have of log. progress, which may be nil, is told
// how many of the offsets to compare are done. The error is ctx's, or wraps
// ErrHolders; trouble with a holder stands in the Report instead.
func Verify(ctx context.Context, log geo.CommitLog, holders []Holder, progress func(done, total uint64)) (Report, error) {
	if err := distinct(holders); err != nil {
		return Report{}, err
	}
	v := &verification{
		log: log, holders: holders, report: Report{Stream: log.Stream()},
		extents: make([]geo.Extent, len(holders)), failed: make([]error, len(holders)),
	}
	v.measure(ctx)
	v.report.NotComparable = v.lacking()
	common := v.common()
	v.report.Compared = common
	if v.alive() > 0 && common.Len() > 0 {
		if err := v.compareAll(ctx, common, progress); err != nil {
			return v.report, err
		}
	}
	v.finish()
	return v.report, ctx.Err()
}

func distinct(holders []Holder) error {
	seen := map[geo.Region]bool{}
	for _, h := range holders {
		if seen[h.Region()] {
			return fmt.Errorf("%w: %s is given twice", ErrHolders, h.Region())
		}
		seen[h.Region()] = true
	}
	if len(holders) == 0 {
		return fmt.Errorf("%w: there is none", ErrHolders)
	}
	return nil
}

// measure asks the holders that have not failed for their extents: the origin
// last, so that no healthy replica can seem to be ahead of it.
func (v *verification) measure(ctx context.Context) {
	isOrigin := func(h Holder) bool { return h.Region() == v.log.Origin }
	v.ask(ctx, func(h Holder) bool { return !isOrigin(h) })
	v.ask(ctx, isOrigin)
}

// ask measures the holders that which picks, all at once.
func (v *verification) ask(ctx context.Context, which func(Holder) bool) {
	errs := make([]error, len(v.holders))
	var asking sync.WaitGroup
	for i, h := range v.holders {
		if v.failed[i] != nil || !which(h) {
			continue
		}
		asking.Go(func() {
			extent, err := h.Extent(ctx, v.log)
			if errs[i] = err; err == nil {
				extent.First = max(extent.First, 1) // an empty stream may say 0
				v.extents[i] = extent
			}
		})
	}
	asking.Wait()
	for i, err := range errs {
		if err != nil {
			v.fail(i, err)
		}
	}
}

// common is the range that all holders which have not failed hold.
func (v *verification) common() geo.Range {
	r := geo.Range{First: 1, Last: ^geo.Offset(0)}
	for i, e := range v.extents {
		if v.failed[i] == nil {
			r = r.Intersect(e.Range())
		}
	}
	if v.alive() == 0 || r.Len() == 0 {
		return geo.Range{First: 1, Last: 0}
	}
	return r
}

// union is the range from the oldest to the newest offset that anyone holds.
func (v *verification) union() geo.Range {
	all := geo.Range{First: 1, Last: 0}
	for i, e := range v.extents {
		switch {
		case v.failed[i] != nil || e.Range().Len() == 0:
		case all.Len() == 0:
			all = e.Range()
		default:
			all = geo.Range{First: min(all.First, e.First), Last: max(all.Last, e.Last)}
		}
	}
	return all
}

// lacking lists for each holder what of the union it does not have.
func (v *verification) lacking() []Lacking {
	var out []Lacking
	all := v.union()
	for i, e := range v.extents {
		if v.failed[i] != nil {
			continue
		}
		region := v.holders[i].Region()
		if before := all.Intersect(geo.Range{First: all.First, Last: e.First - 1}); before.Len() > 0 {
			out = append(out, Lacking{Region: region, Range: before, Reason: ReasonTrimmed})
		}
		if behind := all.Intersect(geo.Range{First: e.Last + 1, Last: all.Last}); behind.Len() > 0 {
			reason := ReasonBehind
			if region == v.log.Origin {
				reason = ReasonLost
			}
			out = append(out, Lacking{Region: region, Range: behind, Reason: reason})
		}
	}
	return out
}

func (v *verification) compareAll(ctx context.Context, common geo.Range, progress func(done, total uint64)) error {
	return v.walk(ctx, common, geo.BlockSize, func(piece geo.Range, answers row) {
		v.compare(ctx, piece, answers)
		v.report.Offsets += piece.Len()
		if progress != nil {
			progress(v.report.Offsets, common.Len())
		}
	})
}

// finish fills in what is known once everything was read.
func (v *verification) finish() {
	newest := v.union().Last
	for i, h := range v.holders {
		e := v.extents[i]
		hr := HolderReport{Region: h.Region(), Origin: h.Region() == v.log.Origin, Extent: e}
		if v.failed[i] != nil {
			hr.Problem = v.failed[i].Error()
		} else if newest > e.Last {
			hr.BehindBy = uint64(newest - e.Last)
		}
		v.report.Holders = append(v.report.Holders, hr)
	}
	v.report.Outcome = v.outcome()
}

func (v *verification) outcome() Outcome {
	switch {
	case v.report.DifferingBlocks > 0 || v.report.lost() != nil:
		return Different
	case v.alive() < len(v.holders):
		return Incomplete
	case v.report.Compared.Len() == 0 && v.union().Len() > 0:
		return Incomplete
	}
	return Clean
}
