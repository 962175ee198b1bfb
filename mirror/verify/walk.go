package verify

import (
	"context"
	"fmt"
	"sync"

	"geomq/geo"
)

// row is what the holders say about one piece, by index of the holder; nil
// stands for a holder that has failed.
type row []*Stretch

// column reads one holder's stretches, one ahead of the comparison.
type column struct {
	pieces chan Stretch
	cancel context.CancelFunc
	err    error // how Digests ended; read after pieces is closed
}

// walk reads r from all holders that have not failed, all at once, and gives
// visit the pieces in order. A holder that fails on the way is marked and left
// out of the rows that follow. It returns early once ctx ends or nobody is left;
// every goroutine it started has ended by then.
func (v *verification) walk(ctx context.Context, r geo.Range, step uint64, visit func(geo.Range, row)) error {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	columns := make([]*column, len(v.holders))
	for i, h := range v.holders {
		if v.failed[i] == nil {
			columns[i] = v.read(ctx, &readers, h, r, step)
		}
	}
	for first := r.First; first <= r.Last && v.alive() > 0; {
		piece := pieceAt(r, step, first)
		answers := v.nextRow(columns, piece)
		if err := ctx.Err(); err != nil {
			return err
		}
		visit(piece, answers)
		first = piece.Last + 1
	}
	v.expectEnds(columns)
	return ctx.Err()
}

func (v *verification) read(ctx context.Context, readers *sync.WaitGroup, h Holder, r geo.Range, step uint64) *column {
	ctx, cancel := context.WithCancel(ctx)
	c := &column{pieces: make(chan Stretch, 1), cancel: cancel}
	readers.Go(func() {
		defer cancel()
		defer close(c.pieces)
		c.err = h.Digests(ctx, v.log, r, step, func(s Stretch) error {
			select {
			case c.pieces <- s:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	return c
}

func (v *verification) nextRow(columns []*column, piece geo.Range) row {
	answers := make(row, len(columns))
	for i, c := range columns {
		if v.failed[i] != nil {
			if c != nil {
				c.cancel() // it failed here or in a closer look: stop reading it
			}
			continue
		}
		s, ok := <-c.pieces
		switch {
		case !ok:
			v.fail(i, c.ended(piece.First))
		case s.Range != piece:
			v.fail(i, fmt.Errorf("%w: it told of %s where %s was asked for", ErrAnswer, s.Range, piece))
			c.cancel()
		default:
			answers[i] = &s
		}
	}
	return answers
}

// ended is the error of a column that ended before the offset first was told of.
func (c *column) ended(first geo.Offset) error {
	if c.err != nil {
		return c.err
	}
	return fmt.Errorf("%w: it ended before offset %d", ErrAnswer, first)
}

// expectEnds fails the holders that say more than was asked for, or that end
// with an error after all.
func (v *verification) expectEnds(columns []*column) {
	for i, c := range columns {
		if v.failed[i] != nil {
			continue
		}
		if s, ok := <-c.pieces; ok {
			v.fail(i, fmt.Errorf("%w: it goes on to tell of %s", ErrAnswer, s.Range))
		} else if c.err != nil {
			v.fail(i, c.err)
		}
	}
}

func (v *verification) fail(i int, err error) {
	if v.failed[i] == nil {
		v.failed[i] = err
	}
}

// alive counts the holders that have not failed.
func (v *verification) alive() int {
	n := 0
	for _, err := range v.failed {
		if err == nil {
			n++
		}
	}
	return n
}
