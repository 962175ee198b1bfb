package mirror

import (
	"slices"

	"geomq/geo"
	"geomq/geo/entry"
)

// BlockDigests are the digests of one block's offsets, as far as they have been
// seen. The zero BlockDigests is ready for Begin.
type BlockDigests struct {
	block   geo.Block
	digests [geo.BlockSize]entry.Digest
	seen    [geo.BlockSize / 64]uint64
}

// Begin forgets all digests and takes those of block from now on.
func (d *BlockDigests) Begin(block geo.Block) { *d = BlockDigests{block: block} }

// Set takes the digest of offset o, which lies in the block.
func (d *BlockDigests) Set(o geo.Offset, digest entry.Digest) {
	at := o - d.block.Range().First
	d.digests[at] = digest
	d.seen[at/64] |= 1 << (at % 64)
}

// At is the digest of offset o, which lies in the block; ok is false where it
// has not been seen.
func (d *BlockDigests) At(o geo.Offset) (digest entry.Digest, ok bool) {
	at := o - d.block.Range().First
	return d.digests[at], d.seen[at/64]&(1<<(at%64)) != 0
}

// unseen are the offsets that have not been seen and are not in absent, which is
// in ascending order.
func (d *BlockDigests) unseen(absent []geo.Offset) (missing geo.Ranges) {
	for o, r := d.block.Range().First, d.block.Range(); o <= r.Last; o++ {
		for len(absent) > 0 && absent[0] < o {
			absent = absent[1:]
		}
		_, ok := d.At(o)
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
func (d *BlockDigests) sum() entry.Digest { return entry.Combine(d.digests[:]) }

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
