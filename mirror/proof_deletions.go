package mirror

import (
	"context"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// deletionIndex finds a log's Deletions by block. It reads them only when a
// block lacks something, and then keeps no more than their numbers and the last
// answer: purges go through a log in order, so that answer holds those of the
// blocks to come as well. It is used by one goroutine.
type deletionIndex struct {
	held    HeldLog
	after   uint64 // all up to this number are in numbers
	numbers map[geo.Block][]uint64
	answer  []geo.Deletion
}

// fill sets the digests of deleted offsets in d and returns those of missing
// that no Deletion names.
func (x *deletionIndex) fill(ctx context.Context, d *BlockDigests, missing geo.Ranges) (geo.Ranges, error) {
	if len(missing) == 0 {
		return nil, nil
	}
	left, err := x.fillKnown(ctx, d, missing)
	if err != nil || len(left) == 0 {
		return left, err
	}
	before := x.after
	if err := x.refresh(ctx); err != nil || x.after == before {
		return left, err
	}
	return x.fillKnown(ctx, d, left)
}

func (x *deletionIndex) fillKnown(ctx context.Context, d *BlockDigests, missing geo.Ranges) (geo.Ranges, error) {
	for _, number := range x.numbers[d.block] {
		deletion, err := x.numbered(ctx, number)
		if err != nil {
			return missing, err
		}
		for i, o := range deletion.Offsets {
			if missing.Contains(o) {
				d.Set(o, entry.Digest(deletion.Digests[i]))
			}
		}
	}
	var left geo.Ranges
	for _, r := range missing {
		for o := r.First; o <= r.Last; o++ {
			if _, ok := d.At(o); !ok {
				left = left.Add(geo.Range{First: o, Last: o})
			}
		}
	}
	return left, nil
}

// refresh takes in the Deletions recorded since it was last called.
func (x *deletionIndex) refresh(ctx context.Context) error {
	for {
		if err := x.ask(ctx, x.after); err != nil || len(x.answer) == 0 {
			return err
		}
		if x.numbers == nil {
			x.numbers = make(map[geo.Block][]uint64)
		}
		for _, deletion := range x.answer {
			x.numbers[deletion.Block] = append(x.numbers[deletion.Block], deletion.Number)
			x.after = deletion.Number
		}
	}
}

// ask reads the Deletions behind number after; those that contradict themselves
// or are out of order are an error, since a wrong digest would prove nothing.
func (x *deletionIndex) ask(ctx context.Context, after uint64) error {
	answer, err := x.held.Deletions(ctx, after)
	if err != nil {
		return fmt.Errorf("read the deletions behind number %d: %w", after, err)
	}
	for _, deletion := range answer {
		if err := deletion.Validate(); err != nil {
			return fmt.Errorf("deletion %d: %w", deletion.Number, err)
		}
		if deletion.Number <= after {
			return fmt.Errorf("%w: number %d came behind number %d", geo.ErrDeletion, deletion.Number, after)
		}
		after = deletion.Number
	}
	x.answer = answer
	return nil
}

func (x *deletionIndex) numbered(ctx context.Context, number uint64) (geo.Deletion, error) {
	for range 2 {
		for _, deletion := range x.answer {
			if deletion.Number == number {
				return deletion, nil
			}
		}
		if err := x.ask(ctx, number-1); err != nil {
			return geo.Deletion{}, err
		}
	}
	return geo.Deletion{}, fmt.Errorf("%w: number %d is not recorded any more", geo.ErrDeletion, number)
}
