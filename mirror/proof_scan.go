package mirror

import (
	"context"
	"errors"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// errLate says that an entry did not come that ought to be there: it is missing,
// or the broker is slow.
var errLate = fmt.Errorf("nothing came within %s", lookPatience)

// scan reads a log's blocks one behind the other, for their digests. It is used
// by one goroutine.
type scan struct {
	held   HeldLog
	reader Reader
	batch  []entry.Entry // read and not yet taken
	next   geo.Offset    // nothing before it has yet to come
	hasher entry.Hasher
}

func openScan(ctx context.Context, held HeldLog, from geo.Offset) (*scan, error) {
	s := &scan{held: held}
	return s, s.reopen(ctx, from)
}

// reopen goes on at from.
func (s *scan) reopen(ctx context.Context, from geo.Offset) error {
	s.close()
	reader, err := s.held.Read(ctx, from)
	if err != nil {
		return fmt.Errorf("read from %d: %w", from, err)
	}
	s.reader, s.batch, s.next = reader, nil, from
	return nil
}

func (s *scan) close() {
	if s.reader != nil {
		s.reader.Close()
		s.reader = nil
	}
}

// fill takes the digests of d's block up to offset due, which is in the log, and
// returns how many bytes the entries have. It ends early with errLate, or where
// nothing is left in the block.
func (s *scan) fill(ctx context.Context, d *BlockDigests, due geo.Offset) (bytes int, err error) {
	r := d.block.Range()
	for s.next <= due {
		e, err := s.peek(ctx)
		if err != nil {
			return bytes, err
		}
		if e.Offset > r.Last {
			s.next = r.Last + 1
			return bytes, nil
		}
		s.batch = s.batch[1:]
		s.next = e.Offset + 1
		if e.Offset >= r.First {
			d.Set(e.Offset, s.hasher.Entry(e))
			bytes += e.Size()
		}
	}
	return bytes, nil
}

// peek is the next entry, which stays the next.
func (s *scan) peek(ctx context.Context) (*entry.Entry, error) {
	for len(s.batch) == 0 {
		batch, err := nextSoon(ctx, s.reader)
		if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, errLate
		}
		if err != nil {
			return nil, fmt.Errorf("read at %d: %w", s.next, err)
		}
		s.batch = batch
	}
	return &s.batch[0], nil
}

// nextSoon is reader.Next for entries that are there already.
func nextSoon(ctx context.Context, reader Reader) ([]entry.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	return reader.Next(ctx)
}
