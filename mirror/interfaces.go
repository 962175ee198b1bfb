package mirror

import (
	"context"
	"errors"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// Errors that implementations of the interfaces below return for the runners to
// act on.
var (
	// ErrNoLog says that this cluster does not hold the log (yet).
	ErrNoLog = errors.New("no such log here")
	// ErrFenced says that an append was refused because the replica's end is
	// not where the appender thought. The session ends; the next one begins
	// from the replica's own end.
	ErrFenced = errors.New("the replica's end is elsewhere")
	// ErrStream says that a replica's stream exists and can't be one, or can't
	// be made. The link halts until a person has changed something.
	ErrStream = errors.New("unfit stream")
	// ErrSealed says that a block has another seal than the one to be kept. The
	// link halts: either the origin's history or the replica's is not the log's.
	ErrSealed = errors.New("block is sealed otherwise")
	// ErrNoSource says that nothing in the holder's region answers for links.
	ErrNoSource = errors.New("no source answers")
)

// Reader gives a log's entries in ascending order of offsets.
type Reader interface {
	// Next waits until there is at least one entry and returns all that have
	// arrived. They are valid until the following call. A context that ends
	// makes it return the context's error, and loses nothing.
	Next(ctx context.Context) ([]entry.Entry, error)
	Close() error
}

// HeldLog is a CommitLog in this cluster, origin's or replica's, to read from.
type HeldLog interface {
	Extent(ctx context.Context) (geo.Extent, error)
	// Read starts at from, or at the first offset behind it that exists.
	Read(ctx context.Context, from geo.Offset) (Reader, error)
	// Seals returns the seals kept here of the blocks first to last, ascending.
	Seals(ctx context.Context, first, last geo.Block) ([]geo.Seal, error)
	// Deletions returns what is recorded here of entries that the origin removed
	// on purpose: those with numbers above after, ascending, at most 256.
	Deletions(ctx context.Context, after uint64) ([]geo.Deletion, error)
}

// Holder opens the logs of this cluster for sources.
type Holder interface {
	// Held returns ErrNoLog if the log is not here.
	Held(ctx context.Context, log geo.CommitLog) (HeldLog, error)
}

// SealedLog is a CommitLog whose seals are kept here.
type SealedLog interface {
	HeldLog
	// Unsealed is the first block without a seal here.
	Unsealed(ctx context.Context) (geo.Block, error)
	// PutSeal keeps a seal for good. It is idempotent, and returns ErrSealed if
	// the block has another seal already.
	PutSeal(ctx context.Context, seal geo.Seal) error
}

// OriginLog is a CommitLog of this region, to seal.
type OriginLog interface {
	SealedLog
	// DropSeals removes the seals of blocks that end behind last.
	DropSeals(ctx context.Context, last geo.Offset) error
	// TrimSeals removes the seals of blocks that end before first.
	TrimSeals(ctx context.Context, first geo.Offset) error
}

// Replica is a CommitLog of another region in this cluster, to write to.
type Replica interface {
	SealedLog
	// Append opens the way in behind last, which must be the replica's end.
	// applied is called from one goroutine with each new end of the replica.
	Append(ctx context.Context, last geo.Offset, applied func(geo.Offset)) (Appender, error)
	// Trim removes what lies before first.
	Trim(ctx context.Context, first geo.Offset) error
	// SetEpochs records a table that extends the one known here.
	SetEpochs(ctx context.Context, epochs geo.Epochs) error
	// Retire takes entries out of the replica that are no longer part of the log:
	// it keeps them in the ledger first and removes them then. Doing it again
	// changes nothing.
	Retire(ctx context.Context, r geo.Range, reason string) error
	// DropSeals removes the seals of blocks that end behind last.
	DropSeals(ctx context.Context, last geo.Offset) error
	// Delete removes the entries that d names, as far as they are there, and
	// records d then. Doing it again changes nothing.
	Delete(ctx context.Context, d geo.Deletion) error
	// Gaps are the offsets that an operator has given up for this replica.
	Gaps(ctx context.Context) (geo.Ranges, error)
}

// Appender appends to a replica.
type Appender interface {
	// Append hands consecutive entries to the broker and returns before they
	// are applied; it blocks while too much is under way. more says that
	// further entries will follow at once. The entries may be used again when
	// it returns.
	Append(ctx context.Context, entries []entry.Entry, more bool) error
	// Skip makes the offsets behind the last one handed over, up to through, ones
	// without an entry. It returns when they are.
	Skip(ctx context.Context, through geo.Offset) error
	// Done is closed when the appender has failed; Err says why.
	Done() <-chan struct{}
	Err() error
	Close() error
}

// Replicas opens this cluster's replicas for sinks.
type Replicas interface {
	// Open returns ErrNoLog if there is no replica yet. It makes holes of what an
	// Appender that was broken off has left where holes were to be.
	Open(ctx context.Context, log geo.CommitLog) (Replica, error)
	// Create makes a replica whose first offset will be first.
	Create(ctx context.Context, log geo.CommitLog, first geo.Offset, epochs geo.Epochs) (Replica, error)
}

// Conn carries the messages of one session, in order. Messages may be lost only
// together with the connection or as a whole; the protocol notices both.
type Conn interface {
	// Send may keep data until the peer has received it.
	Send(ctx context.Context, data []byte) error
	// Receive returns a message that the caller owns. It returns ErrNoSource
	// where a Hello found nobody to answer it.
	Receive(ctx context.Context) ([]byte, error)
	Close() error
}

// Asker carries an Ask to any source of a region and brings its answer back. It
// returns ErrNoSource where nobody there answers asks.
type Asker interface {
	Ask(ctx context.Context, to geo.Region, request []byte) ([]byte, error)
}

// RoundTripper is a Conn that knows how long the way to the peer's broker and
// back took when it was opened.
type RoundTripper interface{ RoundTrip() time.Duration }

// Dialer opens a Conn into another region and sends the first message on it.
type Dialer interface {
	Dial(ctx context.Context, to geo.Region, hello []byte) (Conn, error)
}
