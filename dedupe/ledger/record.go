package ledger

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"geomq/dedupe"
	"geomq/geo"
	"geomq/geo/entry"
)

// Record is one entry in the ledger.
type Record struct {
	// ID names the record: "<stream>/<epoch>/<offset>", and for a second, other
	// entry of the same place "/" and 16 hexadecimal digits of its digest. Put
	// makes it; what stands here before doesn't count.
	ID string
	// Log and Entry.Offset are where the entry stood, Epoch is that place's, 0
	// where it belongs to none.
	Log   geo.CommitLog
	Epoch uint64
	// Entry is the canonical entry.
	Entry entry.Entry
	// Digest is Entry's. Put makes it.
	Digest entry.Digest
	// Found is the region whose copy held the entry.
	Found geo.Region
	// Reason says why it is not part of the log, for people; at most MaxReason
	// bytes are kept.
	Reason string
	// At is when the entry was taken out of the log.
	At time.Time
	// RepublishedAt is when the entry was published again, zero if it wasn't, and
	// RepublishedAs where it stands since, e.g. "ORDERS@us-east/2/10500".
	RepublishedAt time.Time
	RepublishedAs string
}

// MaxReason is how many bytes of a reason are kept.
const MaxReason = 512

// Republished tells whether the entry was published again.
func (r *Record) Republished() bool { return !r.RepublishedAt.IsZero() }

// Key is the entry's idempotency key: what its producer gave it, else its place.
func (r *Record) Key() string { return dedupe.Key(r.Log, r.Epoch, &r.Entry) }

// place is the ID of the first record of a place.
func place(log geo.CommitLog, epoch uint64, offset geo.Offset) string {
	return log.Stream() + "/" + strconv.FormatUint(epoch, 10) + "/" + strconv.FormatUint(uint64(offset), 10)
}

// twin is the ID of a record whose place has another one.
func twin(place string, digest entry.Digest) string {
	return place + "/" + hex.EncodeToString(digest[:8])
}

// ready is r as it is kept first at its place.
func (r Record) ready() Record {
	var h entry.Hasher
	r.Digest = h.Entry(&r.Entry)
	r.ID = place(r.Log, r.Epoch, r.Entry.Offset)
	if len(r.Reason) > MaxReason {
		r.Reason = strings.ToValidUTF8(r.Reason[:MaxReason], "")
	}
	r.RepublishedAt, r.RepublishedAs = time.Time{}, ""
	return r
}

// named is a decoded record under the key at which it lay, which has to be its.
func (r Record) named(key string) (Record, error) {
	r.ID = key
	if first := place(r.Log, r.Epoch, r.Entry.Offset); key != first && key != twin(first, r.Digest) {
		return Record{}, fmt.Errorf("%w: %s lies at %s", ErrRecord, first, key)
	}
	return r, nil
}
