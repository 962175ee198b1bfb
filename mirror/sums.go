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

// sumOf reads one block of log and returns its sum and the offsets in it that
// hold no entry. The log must reach beyond the block's end or end there.
func sumOf(ctx context.Context, log HeldLog, block geo.Block) (sum entry.Digest, absent []geo.Offset, err error) {
	r := block.Range()
	reader, err := log.Read(ctx, r.First)
	if err != nil {
		return sum, nil, fmt.Errorf("read block %d: %w", block, err)
	}
	defer reader.Close()
	var hasher entry.Hasher
	digests := make([]entry.Digest, geo.BlockSize)
	next := r.First
	for next <= r.Last {
		entries, err := reader.Next(ctx)
		if err != nil {
			return sum, nil, fmt.Errorf("read block %d at %d: %w", block, next, err)
		}
		for i := range entries {
			for ; next < entries[i].Offset && next <= r.Last; next++ {
				absent = append(absent, next)
			}
			if next > r.Last {
				break
			}
			digests[next-r.First] = hasher.Entry(&entries[i])
			next++
		}
	}
	return entry.Combine(digests), absent, nil
}
