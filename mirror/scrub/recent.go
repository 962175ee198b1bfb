package scrub

import (
	"context"
	"fmt"
	"time"

	"geomq/geo"
)

const (
	// leastRecent is how many blocks count as recent at least: a replica that
	// caught up wrote in seconds what its origin had written in hours.
	leastRecent = 256
	// lookPatience bounds looking for one entry.
	lookPatience = 2 * time.Second
)

// recent is where the newest blocks begin, which a start reads first.
func (s *Scrubber) recent(ctx context.Context, oldest, sealed geo.Block) (geo.Block, error) {
	first := max(oldest, sealed-min(leastRecent, sealed))
	newest, err := s.timeOf(ctx, sealed-1)
	if err != nil {
		return oldest, ctx.Err() // whatever it is: reading all will tell
	}
	since := newest.Add(-s.cfg.Recent)
	for low := oldest; low < first; { // blocks before low are older, first is recent
		middle := low + (first-low)/2
		when, err := s.timeOf(ctx, middle)
		if err != nil {
			return oldest, ctx.Err()
		}
		if when.Before(since) {
			low = middle + 1
		} else {
			first = middle
		}
	}
	return first, nil
}

// timeOf is the origin time of the first entry from block on.
func (s *Scrubber) timeOf(ctx context.Context, block geo.Block) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	reader, err := s.cfg.Held.Read(ctx, block.Range().First)
	if err != nil {
		return time.Time{}, fmt.Errorf("read block %d: %w", block, err)
	}
	defer reader.Close()
	entries, err := reader.Next(ctx)
	if err != nil || len(entries) == 0 {
		return time.Time{}, fmt.Errorf("read block %d: %w", block, err)
	}
	return entries[0].When(), nil
}
