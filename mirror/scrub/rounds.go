package scrub

import (
	"time"

	"geomq/geo"
)

const (
	// turnBlocks is how many blocks are read in one turn.
	turnBlocks = 64
	// mostTries is how often a block that can't be read is tried in one round.
	mostTries = 3
	// idlePause is how long a log without sealed blocks is left alone.
	idlePause = 10 * time.Second
)

// rounds decides which blocks are read next: first the newest, then all of them
// from the oldest on, again and again. It is a pure state machine.
type rounds struct {
	every time.Duration // from the beginning of a round to that of the next, at least

	warm    bool // the newest blocks of the start have been chosen
	running bool
	full    bool // the present round, or the last one, is of all blocks
	next    geo.Block
	tries   int       // how often next could not be read
	end     geo.Block // of the present round
	began   time.Time

	ended time.Time     // when the last full round was done; zero before
	took  time.Duration // how long it took
}

// plan returns the blocks to be read now, from first to before end, or how long
// to wait. oldest is the first block kept whole, sealed the first without a seal,
// and recent tells where the newest blocks begin that a start reads first.
func (r *rounds) plan(now time.Time, oldest, sealed geo.Block, recent func() (geo.Block, error)) (first, end geo.Block, wait time.Duration, err error) {
	if r.running {
		if r.next = max(r.next, oldest); r.next < r.end {
			return r.next, min(r.next+turnBlocks, r.end), 0, nil
		}
		r.finish(now)
	}
	if oldest >= sealed {
		return 0, 0, idlePause, nil
	}
	from := oldest
	switch {
	case !r.warm:
		if from, err = recent(); err != nil {
			return 0, 0, 0, err
		}
		r.warm, from = true, min(max(from, oldest), sealed)
	case r.full:
		if wait = r.began.Add(r.every).Sub(now); wait > 0 {
			return 0, 0, wait, nil
		}
	}
	r.running, r.full = true, from == oldest
	r.next, r.end, r.began = from, sealed, now
	return r.plan(now, oldest, sealed, recent)
}

// read says that all blocks before next have been read.
func (r *rounds) read(next geo.Block) {
	if next > r.next {
		r.next, r.tries = next, 0
	}
}

// failed says that block could not be read. After a few tries it is passed over.
func (r *rounds) failed(block geo.Block) {
	r.read(block)
	if r.tries++; r.tries == mostTries {
		r.read(block + 1)
	}
}

func (r *rounds) finish(now time.Time) {
	r.running = false
	if r.full {
		r.ended, r.took = now, now.Sub(r.began)
	}
}
