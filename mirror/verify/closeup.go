package verify

import (
	"context"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// examine looks at a piece that differs, offset by offset, as far as all holders
// still have it. It reports false where what differed was trimmed meanwhile.
func (v *verification) examine(ctx context.Context, piece geo.Range, broken []geo.Region) (Difference, bool) {
	d := v.closeUp(ctx, piece)
	whole := d.Range == piece
	if ctx.Err() != nil || d.First == 0 && !whole {
		return d, false
	}
	if whole { // a seal says nothing about a part of its block
		d.BreakSeal = broken
	}
	return d, true
}

// closeUp compares what is still held of piece with step 1.
func (v *verification) closeUp(ctx context.Context, piece geo.Range) Difference {
	for patient := true; ; patient = false {
		held, alive := v.stillHeld(ctx, piece), v.alive()
		c := closeUp{v: v, difference: Difference{Block: geo.BlockOf(piece.First), Range: held}, present: make([]bool, len(v.holders))}
		if held.Len() > 0 && v.walk(ctx, held, 1, c.visit) != nil {
			return c.difference
		}
		// A holder may have begun to trim here without its extent saying so yet:
		// entries that are missing at the front deserve a second look.
		if !c.frontMissing || !patient || !sleep(ctx, settle) {
			c.difference.Unread = v.alive() < alive
			return c.difference
		}
	}
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// closeUp collects the differences of one block, offset by offset.
type closeUp struct {
	v          *verification
	difference Difference
	present    []bool // by holder: it had an entry at some offset so far
	// frontMissing says that some holder lacks the block's first offset, or all
	// up to the first differing one.
	frontMissing bool
}

func (c *closeUp) visit(piece geo.Range, answers row) {
	differs := !answers.agree()
	if differs {
		c.difference.Offsets++
	}
	if first := differs && c.difference.First == 0; first {
		c.difference.First, c.difference.Sides = piece.First, c.v.sides(answers)
		c.frontMissing = c.frontMissing || c.anyAbsentSoFar(answers)
	}
	if piece.First == c.difference.Range.First {
		c.frontMissing = c.frontMissing || c.anyAbsentSoFar(answers)
	}
	for i, s := range answers {
		c.present[i] = c.present[i] || s != nil && s.Digest != entry.Digest{}
	}
}

func (c *closeUp) anyAbsentSoFar(answers row) bool {
	for i, s := range answers {
		if s != nil && s.Digest == (entry.Digest{}) && !c.present[i] {
			return true
		}
	}
	return false
}

// sides groups the holders by digest, in the order in which they were given.
func (v *verification) sides(answers row) []Side {
	var sides []Side
	at := map[entry.Digest]int{}
	answered := 0
	for i, s := range answers {
		if s == nil {
			continue
		}
		answered++
		if _, ok := at[s.Digest]; !ok {
			at[s.Digest] = len(sides)
			sides = append(sides, Side{Digest: digestOrNothing(s.Digest)})
		}
		side := &sides[at[s.Digest]]
		side.Regions = append(side.Regions, v.holders[i].Region())
		side.Origin = side.Origin || v.holders[i].Region() == v.log.Origin
	}
	for i := range sides {
		sides[i].Majority = 2*len(sides[i].Regions) > answered
	}
	return sides
}

func digestOrNothing(d entry.Digest) string {
	if d == (entry.Digest{}) {
		return ""
	}
	return FormatDigest(d)
}
