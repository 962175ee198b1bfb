package geo

import "fmt"

// Offset is the position of an entry in its CommitLog: the sequence number of
// the JetStream stream. The first entry of a log has offset 1; offset 0 means
// "before the first".
type Offset uint64

// BlockSize is how many offsets one seal covers.
const BlockSize = 1024

// Block numbers the aligned stretches of BlockSize offsets. Block 0 holds the
// offsets 1 to 1024.
type Block uint64

// BlockOf is the block that holds o, which must not be 0.
func BlockOf(o Offset) Block { return Block((o - 1) / BlockSize) }

// Range returns the offsets of b, first and last included.
func (b Block) Range() Range {
	return Range{First: Offset(b)*BlockSize + 1, Last: (Offset(b) + 1) * BlockSize}
}

// Range is a stretch of offsets, both ends included. It is empty where Last is
// less than First.
type Range struct {
	First Offset `json:"first"`
	Last  Offset `json:"last"`
}

// Len is the number of offsets in r.
func (r Range) Len() uint64 {
	if r.Last < r.First {
		return 0
	}
	return uint64(r.Last-r.First) + 1
}

// Contains tells whether o lies in r.
func (r Range) Contains(o Offset) bool { return r.First <= o && o <= r.Last }

// Intersect is the stretch that r and s share; it may be empty.
func (r Range) Intersect(s Range) Range {
	return Range{First: max(r.First, s.First), Last: min(r.Last, s.Last)}
}

// String writes r as "5…9", "5" or "none".
func (r Range) String() string {
	switch r.Len() {
	case 0:
		return "none"
	case 1:
		return fmt.Sprint(uint64(r.First))
	}
	return fmt.Sprintf("%d…%d", r.First, r.Last)
}
