package ledger

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Stored is what a Store keeps under a key, Seq being its place in the order of
// writing, from 1.
type Stored struct {
	Seq  uint64
	Key  string
	Data []byte
}

// Store is where a ledger is kept: a journal, in which the first record of a key
// stays.
type Store interface {
	// PutAll writes records under keys of at most 256 bytes. Where a key has other
	// bytes, taken is called with those and with what was to be put; the first
	// stays, and what taken returns ends PutAll unless it is nil. taken may use the
	// Store. On return without error all records are durable.
	PutAll(ctx context.Context, records iter.Seq2[string, []byte], taken func(there Stored, data []byte) error) error
	// RecordOf returns what a key has; false if nothing.
	RecordOf(ctx context.Context, key string) (Stored, bool, error)
	// Each calls each with what is stored from sequence from on, in order, and
	// ends with each's error as it is.
	Each(ctx context.Context, from uint64, each func(Stored) error) error
}

// Ledger keeps records in a Store.
type Ledger struct{ store Store }

// New returns the ledger that store holds. There is nothing to close.
func New(store Store) *Ledger { return &Ledger{store: store} }

// Put keeps one record; see PutAll.
func (l *Ledger) Put(ctx context.Context, r Record) error {
	return l.PutAll(ctx, func(yield func(Record) bool) { yield(r) })
}

// PutAll keeps records, as many as one likes, without holding all of them at
// once; their bytes may be used again as soon as the sequence goes on. An entry
// that is kept already stays as it is. After an error any of the records may be
// kept or not: the same PutAll again is always right.
func (l *Ledger) PutAll(ctx context.Context, records iter.Seq[Record]) error {
	encoded := func(yield func(string, []byte) bool) {
		for r := range records {
			r = r.ready()
			if !yield(r.ID, encode(&r)) {
				return
			}
		}
	}
	err := l.store.PutAll(ctx, encoded, func(there Stored, data []byte) error { return l.taken(ctx, there, data) })
	if err != nil {
		return fmt.Errorf("keep entries in the ledger: %w", err)
	}
	return nil
}

// taken decides about a record whose place has one. The same entry for another
// reason needs no second one; another entry does, and so does any whose place is
// held by a damaged record.
func (l *Ledger) taken(ctx context.Context, there Stored, data []byte) error {
	first, damaged := decode(there.Data)
	r, err := decode(data)
	if err != nil || damaged == nil && first.Digest == r.Digest {
		return err
	}
	second := func(yield func(string, []byte) bool) { yield(twin(there.Key, r.Digest), data) }
	return l.store.PutAll(ctx, second, func(Stored, []byte) error { return nil })
}

// Show returns the record of that ID; ErrUnknown if there is none, ErrRecord if
// it is damaged.
func (l *Ledger) Show(ctx context.Context, id string) (Record, error) {
	r, err := l.show(ctx, id)
	if err != nil {
		return Record{}, fmt.Errorf("look up %.100q in the ledger: %w", id, err)
	}
	return r, nil
}

func (l *Ledger) show(ctx context.Context, id string) (Record, error) {
	stored, any, err := l.store.RecordOf(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if !any || isMark(id) {
		return Record{}, ErrUnknown
	}
	r, err := record(stored)
	if err != nil {
		return Record{}, err
	}
	published, any, err := l.store.RecordOf(ctx, markKey(id))
	if err != nil || !any {
		return r, err
	}
	m, err := decodeMark(published.Data)
	r.RepublishedAt, r.RepublishedAs = m.at, m.as
	return r, err
}

func record(stored Stored) (Record, error) {
	r, err := decode(stored.Data)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", stored.Seq, err)
	}
	return r.named(stored.Key)
}

// MarkRepublished records that an entry was published again, and where it stands
// since. The first mark stays. ErrUnknown if there is no such record.
func (l *Ledger) MarkRepublished(ctx context.Context, id, as string, at time.Time) error {
	_, err := l.show(ctx, id)
	if err == nil {
		m := func(yield func(string, []byte) bool) { yield(markKey(id), mark{at: at, as: as}.encode()) }
		err = l.store.PutAll(ctx, m, func(Stored, []byte) error { return nil })
	}
	if err != nil {
		return fmt.Errorf("mark %.100q in the ledger: %w", id, err)
	}
	return nil
}

// markSuffix makes a record's key that of its mark; no ID ends so.
const markSuffix = "/republished"

func markKey(id string) string { return id + markSuffix }

func isMark(key string) bool { return strings.HasSuffix(key, markSuffix) }
