package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"geomq/geo"
)

// ErrStored says that what a replica's stream holds at an offset was not
// written by Entry.Stored: the replica is damaged or was written by somebody
// else. The reader stops there and reports the offset.
var ErrStored = errors.New("not an entry as a replica stores it")

// Entry is one canonical entry. Its byte slices may point into a shared buffer:
// whoever keeps an Entry beyond the call that delivered it clones it first.
type Entry struct {
	Offset geo.Offset
	// Time is when the origin stored the entry, in nanoseconds since 1970 UTC.
	Time int64
	// Subject is what the producer published to.
	Subject []byte
	// Header is the producer's header block, from "NATS/1.0" to the blank line,
	// nil where the message had none.
	Header []byte
	Body   []byte
}

// Size is the number of bytes that e occupies in memory, its fixed fields
// counted as 64.
func (e *Entry) Size() int { return 64 + len(e.Subject) + len(e.Header) + len(e.Body) }

// When is e.Time as a time.Time.
func (e *Entry) When() time.Time { return time.Unix(0, e.Time) }

// Clone returns an Entry that shares no memory with e.
func (e *Entry) Clone() Entry {
	return Entry{
		Offset: e.Offset, Time: e.Time,
		Subject: bytes.Clone(e.Subject), Header: bytes.Clone(e.Header), Body: bytes.Clone(e.Body),
	}
}

// Digest identifies the content of an entry or of a stretch of entries: the
// first 16 bytes of a SHA-256. The zero Digest stands for a hole.
type Digest [16]byte

// Hasher computes digests; it keeps a scratch buffer, so one goroutine uses it
// at a time. The zero Hasher is ready.
type Hasher struct{ scratch []byte }

// Entry is the digest of e: SHA-256 over offset, time, the lengths of subject
// and header (each as a 64 bit little-endian number), then subject, header and
// body. A missing header and an empty one differ.
func (h *Hasher) Entry(e *Entry) Digest {
	headerLen := uint64(len(e.Header))
	if e.Header == nil {
		headerLen = ^uint64(0)
	}
	b := h.scratch[:0]
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Offset))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Time))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(e.Subject)))
	b = binary.LittleEndian.AppendUint64(b, headerLen)
	b = append(b, e.Subject...)
	b = append(b, e.Header...)
	b = append(b, e.Body...)
	h.scratch = b
	return truncate(sha256.Sum256(b))
}

// Combine is the digest of a stretch of consecutive offsets, given the digest
// of each (zero for a hole).
func Combine(digests []Digest) Digest {
	h := sha256.New()
	for i := range digests {
		h.Write(digests[i][:])
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return truncate(sum)
}

func truncate(sum [sha256.Size]byte) Digest { return Digest(sum[:len(Digest{})]) }
