package geo

import "time"

// Extent says what one holder has of a CommitLog at one moment.
type Extent struct {
	// First is the oldest offset that is still kept, Last the newest. A log
	// that holds nothing has First = Last + 1.
	First Offset `json:"first"`
	Last  Offset `json:"last"`
	// Entries counts the entries between them; it is less than Last-First+1
	// where there are holes.
	Entries uint64 `json:"entries"`
	// Bytes is what they occupy in the holder's store.
	Bytes uint64 `json:"bytes"`
	// LastTime is when the holder stored the entry at Last; zero where nothing
	// was ever stored.
	LastTime time.Time `json:"last_time"`
	// Epochs is the CommitLog's epoch table as the holder knows it.
	Epochs Epochs `json:"epochs"`
}

// Range is the stretch between First and Last.
func (e Extent) Range() Range { return Range{First: e.First, Last: e.Last} }

// Seal is the digest of one aligned block of a CommitLog, written once by the
// origin when all of the block's offsets are taken.
type Seal struct {
	Block Block
	// Digest is entry.Combine over the digests of the block's offsets.
	Digest [16]byte
	// Absent lists the holes in the block: offsets that the origin knows to
	// hold no entry. Most blocks have none.
	Absent []Offset
}
