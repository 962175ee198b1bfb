package admin

import (
	"context"
	"time"

	"geomq/geo"
)

// maxPage bounds how many rows one answer holds, whatever is asked for.
const maxPage = 1000

// LedgerRecord is one entry that was acknowledged once and is not part of its
// log any more.
type LedgerRecord struct {
	// ID is "<stream>/<epoch>/<offset>", and for a second entry of the same place
	// "/" and a part of its digest; Region is the one whose ledger holds it. The
	// ledgers of two regions may have different entries under one id: where their
	// digests are equal, too, they are the same.
	ID     string     `json:"id"`
	Digest string     `json:"digest"`
	Region geo.Region `json:"region"`
	Log    string     `json:"log"`
	Epoch  uint64     `json:"epoch"`
	Offset geo.Offset `json:"offset"`
	// Found is when it was put into the ledger, Reason why.
	Found  time.Time `json:"found"`
	Reason string    `json:"reason"`
	// Time, Subject, Key and Size are the entry's; Key is its idempotency key.
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`
	Key     string    `json:"key"`
	Size    uint64    `json:"size"`
	// Again is where it was published again; nil where it was not.
	Again *Republished `json:"again,omitempty"`
}

// Republished is where an entry of the ledger went when it was published again.
type Republished struct {
	// ID is the record's in its ledger, As the entry's place since, in the same
	// form, e.g. "ORDERS@us-east/2/10500".
	ID string    `json:"id"`
	As string    `json:"as"`
	At time.Time `json:"at"`
	// Duplicate tells that the log had the key there already.
	Duplicate bool `json:"duplicate,omitempty"`
}

// LedgerEntry is a record with its whole entry.
type LedgerEntry struct {
	LedgerRecord
	Entry EntryView `json:"entry"`
}

// LedgerQuery asks for a part of one region's ledger.
type LedgerQuery struct {
	// Stream names one CommitLog; empty asks for all.
	Stream string
	// Open leaves out what has been published again.
	Open bool
	// After is the Next of the page before; the id of its last record will do.
	After string
	// Limit is how many records are wanted, from 1 to 1,000.
	Limit int
}

// LedgerPage is a stretch of a ledger in the order in which it was written.
type LedgerPage struct {
	Records []LedgerRecord `json:"records"`
	// Next continues behind the last record; empty where there is no more.
	Next string `json:"next,omitempty"`
	// Problem says what of the ledger could not be read, e.g. a damaged record.
	Problem string `json:"problem,omitempty"`
}

// Archive is what a Backend also is where its node keeps a ledger and reads
// control logs. Its methods may be called from many goroutines at once.
type Archive interface {
	// LedgerEntries gives a page of this region's ledger. It wraps ErrBadRequest
	// for an After that it did not give.
	LedgerEntries(ctx context.Context, q LedgerQuery) (LedgerPage, error)
	// LedgerEntry gives one record of this region's ledger, and wraps ErrNotFound
	// where it has none of that id.
	LedgerEntry(ctx context.Context, id string) (LedgerEntry, error)
	// Events gives what this region knows of all regions' control logs behind
	// after, at most limit records, and returns at once where there is nothing.
	Events(ctx context.Context, after EventCursor, limit int) (EventPage, error)
}
