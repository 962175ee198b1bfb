package scrub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

// stallPatience is how long a reader waits for an entry in front of a patched
// one: the patched one may be all that is left of its block.
const stallPatience = 2 * time.Second

// patchedReader merges what a log's reader gives with the patches of its blocks.
type patchedReader struct {
	held   mirror.HeldLog
	shelf  *Shelf
	reader mirror.Reader
	came   geo.Offset // nothing before it will come from reader
	next   geo.Offset // all before it has been given
	patch  *Patch     // of the block that next lies in or of one behind it; nil if not looked up
	out    []entry.Entry
	batch  []entry.Entry // came from reader and not given yet
}

// Next implements mirror.Reader.
func (r *patchedReader) Next(ctx context.Context) ([]entry.Entry, error) {
	for {
		r.out = r.out[:0]
		if err := r.lookUp(ctx, geo.BlockOf(r.next)); err != nil {
			return nil, err
		}
		if r.patched() { // it may be that nothing else comes
			return r.out, nil
		}
		if len(r.batch) == 0 {
			if err := r.read(ctx); err != nil {
				return nil, err
			}
		}
		if given, err := r.merge(ctx); len(given) > 0 || err != nil {
			return given, err
		}
	}
}

// Close implements mirror.Reader.
func (r *patchedReader) Close() error { return r.reader.Close() }

// lookUp makes patch that of the first patched block from block on, nil if there
// is none.
func (r *patchedReader) lookUp(ctx context.Context, block geo.Block) error {
	if r.patch != nil && r.patch.Block < block {
		r.patch = nil
	}
	for {
		first, ok := r.shelf.from(block)
		if !ok || r.patch != nil && r.patch.Block <= first {
			return nil
		}
		patch, err := r.shelf.patch(ctx, first)
		if err != nil {
			return err
		}
		if patch != nil {
			r.patch = patch
			return nil
		}
	}
}

// patched gives out the patched entries from next on, without a gap.
func (r *patchedReader) patched() (some bool) {
	if r.patch == nil {
		return false
	}
	at := r.position(r.next)
	for ; at < len(r.patch.Entries) && r.patch.Entries[at].Offset == r.next; at++ {
		r.out = append(r.out, r.patch.Entries[at])
		r.next++
		some = true
	}
	return some
}

// position is that of the first patched entry at offset or behind it.
func (r *patchedReader) position(offset geo.Offset) int {
	at, _ := slices.BinarySearchFunc(r.patch.Entries, offset, func(e entry.Entry, o geo.Offset) int {
		switch {
		case e.Offset < o:
			return -1
		case e.Offset > o:
			return 1
		}
		return 0
	})
	return at
}

// read fetches the next batch; it may fetch none where patched entries are to be
// given first.
func (r *patchedReader) read(ctx context.Context) (err error) {
	due, ahead := r.ahead()
	if !ahead {
		return r.fetch(ctx)
	}
	short, cancel := context.WithTimeout(ctx, stallPatience)
	defer cancel()
	err = r.fetch(short)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		r.next = due
		return nil
	}
	if ctx.Err() == nil && errors.Is(err, entry.ErrStored) {
		return r.pass(ctx, due)
	}
	return err
}

// fetch is reader.Next. What can't be read and has been passed by is left out.
func (r *patchedReader) fetch(ctx context.Context) (err error) {
	r.batch, err = r.reader.Next(ctx)
	if n := len(r.batch); n > 0 {
		r.came = r.batch[n-1].Offset + 1
	}
	if errors.Is(err, entry.ErrStored) && r.came < r.next {
		return r.reopen(ctx, r.next)
	}
	return err
}

func (r *patchedReader) reopen(ctx context.Context, offset geo.Offset) error {
	reader, err := r.held.Read(ctx, offset)
	if err != nil {
		return fmt.Errorf("read from %d: %w", offset, err)
	}
	r.reader.Close()
	r.reader, r.came = reader, offset
	return nil
}

// ahead is the first patched entry behind next in next's block.
func (r *patchedReader) ahead() (due geo.Offset, ok bool) {
	if r.patch == nil || r.patch.Block != geo.BlockOf(r.next) {
		return 0, false
	}
	at := r.position(r.next)
	if at == len(r.patch.Entries) {
		return 0, false
	}
	return r.patch.Entries[at].Offset, true
}

// merge gives out the batch up to where a patch has something to say, or as it
// is where none has.
func (r *patchedReader) merge(ctx context.Context) ([]entry.Entry, error) {
	for len(r.batch) > 0 && r.batch[0].Offset < r.next { // patched ones were given in their place
		r.batch = r.batch[1:]
	}
	if len(r.batch) == 0 {
		return nil, nil
	}
	last := r.batch[len(r.batch)-1].Offset
	if first, ok := r.shelf.from(geo.BlockOf(r.next)); !ok || first > geo.BlockOf(last) {
		r.next = last + 1
		return r.give(len(r.batch)), nil
	}
	given := 0
	for ; given < len(r.batch); given++ {
		offset := r.batch[given].Offset
		due, stop, err := r.stop(ctx, offset)
		if err != nil {
			return nil, err
		}
		if stop && given == 0 {
			r.next = due
			return nil, nil
		}
		if stop {
			break
		}
		r.next = offset + 1
	}
	return r.give(given), nil
}

func (r *patchedReader) give(n int) []entry.Entry {
	out := r.batch[:n]
	r.batch = r.batch[n:]
	return out
}

// stop tells whether a patch has something to say before the entry at offset is
// given: due is the patched entry in front of it or in its place, or the offset
// behind it if it is to be dropped.
func (r *patchedReader) stop(ctx context.Context, offset geo.Offset) (due geo.Offset, stop bool, err error) {
	for block := geo.BlockOf(r.next); ; block++ {
		if err := r.lookUp(ctx, block); err != nil {
			return 0, false, err
		}
		if r.patch == nil || r.patch.Block > geo.BlockOf(offset) {
			return 0, false, nil
		}
		if at := r.position(r.next); at < len(r.patch.Entries) && r.patch.Entries[at].Offset <= offset {
			return r.patch.Entries[at].Offset, true, nil
		}
		if block = r.patch.Block; block == geo.BlockOf(offset) {
			_, dropped := slices.BinarySearch(r.patch.Drop, offset)
			return offset + 1, dropped, nil
		}
	}
}

// pass goes on behind the patched entries from due on, since what stands in front
// of them or in their place can't be read here.
func (r *patchedReader) pass(ctx context.Context, due geo.Offset) error {
	end := due
	for at := r.position(due); at < len(r.patch.Entries) && r.patch.Entries[at].Offset == end; at++ {
		end++
	}
	if err := r.reopen(ctx, end); err != nil {
		return err
	}
	r.next = due
	return nil
}
