package mirror

import (
	"context"
	"fmt"
	"sync"

	"geomq/geo"
	"geomq/geo/entry"
)

// maxSums is how many finished blocks wait for their seals at most; the seals
// of others are checked by reading the block again.
const maxSums = 1 << 14

// blockSums collects the digests of entries that pass by in order and keeps the
// sum of each block that passed whole. It is safe for concurrent use.
type blockSums struct {
	mu      sync.Mutex
	block   geo.Block
	digests []entry.Digest // of the block's first offsets; nil if some were missed
	done    map[geo.Block]entry.Digest
}

func (b *blockSums) add(offset geo.Offset, digest entry.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	span := geo.BlockOf(offset)
	r := span.Range()
	if offset == r.First {
		b.block, b.digests = span, b.digests[:0]
		if b.digests == nil {
			b.digests = make([]entry.Digest, 0, geo.BlockSize)
		}
	}
	if b.digests == nil || b.block != span || offset != r.First+geo.Offset(len(b.digests)) {
		b.digests = nil
		return
	}
	if b.digests = append(b.digests, digest); offset == r.Last {
		if b.done == nil || len(b.done) >= maxSums {
			b.done = make(map[geo.Block]entry.Digest)
		}
		b.done[span] = entry.Combine(b.digests)
	}
}

// take returns the sum of a block and forgets it.
func (b *blockSums) take(block geo.Block) (sum entry.Digest, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum, ok = b.done[block]
	delete(b.done, block)
	return sum, ok
}

// sumOf reads one block of log, which has reached the block's end, and returns
// its sum; an offset without an entry counts as a hole. It fails where nothing
// is left from some offset of the block on.
func sumOf(ctx context.Context, log HeldLog, block geo.Block) (sum entry.Digest, err error) {
	r := block.Range()
	reader, err := log.Read(ctx, r.First)
	if err != nil {
		return sum, fmt.Errorf("read block %d: %w", block, err)
	}
	defer reader.Close()
	var hasher entry.Hasher
	digests := make([]entry.Digest, geo.BlockSize)
	next := r.First
	for next <= r.Last {
		entries, err := nextSoon(ctx, reader)
		if err != nil {
			return sum, fmt.Errorf("read block %d at %d: %w", block, next, err)
		}
		for i := range entries {
			next = entries[i].Offset + 1
			if r.Contains(entries[i].Offset) {
				digests[entries[i].Offset-r.First] = hasher.Entry(&entries[i])
			}
		}
	}
	return entry.Combine(digests), nil
}

// nextSoon is reader.Next for entries that are there already.
func nextSoon(ctx context.Context, reader Reader) ([]entry.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	return reader.Next(ctx)
}
