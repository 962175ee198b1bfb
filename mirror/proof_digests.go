package mirror

import (
	"slices"

	"geomq/geo"
	"geomq/geo/entry"
)

// blockDigests are the digests of one block's offsets, as far as they have been
// seen. The zero blockDigests is ready for begin.
type blockDigests struct {
	block   geo.Block
	digests [geo.BlockSize]entry.Digest
	seen    [geo.BlockSize / 64]uint64
}

// begin forgets all digests and takes those of block from now on.
func (d *blockDigests) begin(block geo.Block) { *d = blockDigests{block: block} }

// set takes the digest of offset o, which lies in the block.
func (d *blockDigests) set(o geo.Offset, digest entry.Digest) {
	at := o - d.block.Range().First
	d.digests[at] = digest
	d.seen[at/64] |= 1 << (at % 64)
}

// at is the digest of offset o, which lies in the block; ok is false where it
// has not been seen.
func (d *blockDigests) at(o geo.Offset) (digest entry.Digest, ok bool) {
	at := o - d.block.Range().First
	return d.digests[at], d.seen[at/64]&(1<<(at%64)) != 0
}

// unseen are the offsets that have not been seen and are not in absent, which is
// in ascending order.
func (d *blockDigests) unseen(absent []geo.Offset) (missing geo.Ranges) {
	for o, r := d.block.Range().First, d.block.Range(); o <= r.Last; o++ {
		for len(absent) > 0 && absent[0] < o {
			absent = absent[1:]
		}
		_, ok := d.at(o)
		if ok || len(absent) > 0 && absent[0] == o {
			continue
		}
		if n := len(missing); n > 0 && missing[n-1].Last+1 == o {
			missing[n-1].Last = o
		} else {
			missing = append(missing, geo.Range{First: o, Last: o})
		}
	}
	return missing
}

// sum is the block's digest; what has not been seen counts as a hole.
func (d *blockDigests) sum() entry.Digest { return entry.Combine(d.digests[:]) }

// lastDue is the last offset of the seal's block that holds an entry as far as
// the seal says; 0 if none does.
func lastDue(seal geo.Seal) geo.Offset {
	r := seal.Block.Range()
	for o := r.Last; o >= r.First; o-- {
		if _, absent := slices.BinarySearch(seal.Absent, o); !absent {
			return o
		}
	}
	return 0
}

// unskipped is the first block from block on that is not skipped as a whole:
// such blocks have no seal.
func unskipped(skipped geo.Ranges, block geo.Block) geo.Block {
	for _, r := range skipped {
		if first := block.Range(); r.First <= first.First && first.Last <= r.Last {
			block = geo.Block(r.Last / geo.BlockSize)
		}
	}
	return block
}
