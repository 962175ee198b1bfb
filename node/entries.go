package node

import (
	"context"
	"errors"
	"iter"
	"time"

	"geomq/broker"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	// readPatience bounds how long entries that are there may take to come.
	readPatience = 3 * time.Second
	// readTries is how often reading is begun anew where nothing comes.
	readTries = 3
)

var errStill = errors.New("the log was changed while it was read, or its broker stands still: read it again")

// entries reads the part of r that log holds. It does not wait for what has yet to
// be written.
func entries(ctx context.Context, log heldLog, r geo.Range) iter.Seq2[*entry.Entry, error] {
	return func(yield func(*entry.Entry, error) bool) {
		extent, err := log.Extent(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		r = r.Intersect(extent.Range())
		s := entryScan{log: log, next: r.First, last: r.Last, yield: yield}
		for tries := 1; s.next <= s.last; tries++ {
			err := s.read(ctx)
			if tries < readTries && errors.Is(err, errStill) && ctx.Err() == nil {
				continue // a new Reader knows what is left
			}
			if err != nil {
				yield(nil, err)
			}
			return
		}
	}
}

// entryScan is where a reading of entries stands.
type entryScan struct {
	log        heldLog
	next, last geo.Offset
	yield      func(*entry.Entry, error) bool
}

// read yields entries until there are no more, or nobody wants more.
func (s *entryScan) read(ctx context.Context) error {
	reader, err := s.log.CommitLog.Read(ctx, s.next, s.log.cluster.window)
	if err != nil {
		return err
	}
	defer reader.Close()
	for s.next <= s.last {
		some, err := someEntries(ctx, reader)
		if err != nil || len(some) == 0 {
			return err
		}
		for i := range some {
			if some[i].Offset > s.last || !s.yield(&some[i], nil) {
				return nil
			}
			s.next = some[i].Offset + 1
		}
	}
	return nil
}

// someEntries waits for entries, but not for those that have yet to be written:
// it returns none where a log ends in holes, or nothing is left of it.
func someEntries(ctx context.Context, reader *broker.Reader) ([]entry.Entry, error) {
	if reader.Pending() == 0 {
		return reader.TryNext()
	}
	// What the broker promised may have been removed since.
	ctx, cancel := context.WithTimeoutCause(ctx, readPatience, errStill)
	defer cancel()
	return reader.Next(ctx)
}

// present are the offsets of r that hold an entry.
func (l heldLog) present(ctx context.Context, r geo.Range) (geo.Ranges, error) {
	extent, err := l.Extent(ctx)
	if err != nil {
		return nil, err
	}
	if r = r.Intersect(extent.Range()); r.Len() == 0 {
		return nil, nil
	}
	missing, err := l.Missing(ctx, r)
	return missing.Without(r), err
}
