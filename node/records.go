package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"geomq/broker"
	"geomq/dedupe/ledger"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	deletionsJournal = "DELETIONS"
	ledgerJournal    = "LEDGER"
	patchesJournal   = "PATCHES"
	// countPause is for how long counts of the ledger may be used again: to count
	// is to read it.
	countPause = 10 * time.Second
)

// records are what a cluster keeps beside its logs.
type records struct {
	region    geo.Region
	deletions deletions
	ledger    *ledger.Ledger
	counts    ledgerCounts
	patches   *broker.Journal
}

// openRecords opens the journals, which are made where they are missing.
func openRecords(ctx context.Context, b *broker.Broker, region geo.Region, replicas int) (*records, error) {
	open := func(name string) (*broker.Journal, error) {
		return b.OpenJournal(ctx, broker.JournalConfig{Name: name, Replicas: replicas, Flush: true})
	}
	deleted, err := open(deletionsJournal)
	if err != nil {
		return nil, err
	}
	lost, err := open(ledgerJournal)
	if err != nil {
		return nil, err
	}
	patched, err := open(patchesJournal)
	if err != nil {
		return nil, err
	}
	r := &records{region: region, patches: patched, ledger: ledger.New(ledgerStore{lost})}
	r.deletions.journal, r.deletions.shared, r.counts.journal = deleted, replicas > 1, lost
	return r, nil
}

// ledgerStore keeps a ledger in a journal.
type ledgerStore struct{ journal *broker.Journal }

func (s ledgerStore) PutAll(ctx context.Context, all iter.Seq2[string, []byte], taken func(ledger.Stored, []byte) error) error {
	return s.journal.PutAll(ctx, all, func(there broker.Record, data []byte) error { return taken(stored(there), data) })
}

func (s ledgerStore) RecordOf(ctx context.Context, key string) (ledger.Stored, bool, error) {
	r, ok, err := s.journal.RecordOf(ctx, key)
	return stored(r), ok, err
}

func (s ledgerStore) Each(ctx context.Context, from uint64, each func(ledger.Stored) error) error {
	return s.journal.Each(ctx, from, func(r broker.Record) error { return each(stored(r)) })
}

func stored(r broker.Record) ledger.Stored {
	return ledger.Stored{Seq: r.Seq, Key: r.Key, Data: r.Data}
}

// retire takes entries out of a log: into the ledger first, then out of its
// stream. What is in the ledger already stays as it is.
func (r *records) retire(ctx context.Context, log heldLog, taken geo.Range, reason string) error {
	kept, err := r.keep(ctx, log, taken, reason)
	if err != nil {
		return err
	}
	return log.DeleteEntries(ctx, kept)
}

// keep puts entries of a log into the ledger and returns their offsets. Without
// an error that is all there are: whoever removes them then loses nothing.
func (r *records) keep(ctx context.Context, log heldLog, taken geo.Range, reason string) (kept []geo.Offset, err error) {
	extent, err := log.Extent(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	now := time.Now()
	err = r.ledger.PutAll(ctx, func(yield func(ledger.Record) bool) {
		for e, err := range entries(ctx, log, taken) {
			if err != nil {
				failed = err
				return
			}
			kept = append(kept, e.Offset)
			if !yield(ledger.Record{Log: log.ID(), Epoch: extent.Epochs.At(e.Offset), Entry: *e, Found: r.region, Reason: reason, At: now}) {
				return
			}
		}
	})
	if err = errors.Join(err, failed); err == nil {
		err = allKept(ctx, log, taken, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("put offsets %s of %s into the ledger: %w", taken, log.ID(), err)
	}
	return kept, nil
}

// allKept compares what was read with what is there: a broker of a cluster may be
// behind the one that leads.
func allKept(ctx context.Context, log heldLog, taken geo.Range, kept []geo.Offset) error {
	there, err := log.present(ctx, taken)
	if err != nil {
		return err
	}
	for _, r := range there {
		at, _ := slices.BinarySearch(kept, r.First)
		for o := r.First; o <= r.Last; o, at = o+1, at+1 {
			if at >= len(kept) || kept[at] != o {
				return fmt.Errorf("offset %d was not read: %w", o, errStill)
			}
		}
	}
	return nil
}

// ledgerCounts remembers how many entries of each log the ledger has.
type ledgerCounts struct {
	journal *broker.Journal

	// Of who counts.
	at   time.Time
	last uint64 // record of the journal

	mu   sync.Mutex                   // guards sums
	sums map[geo.CommitLog]ledger.Sum // not changed in place
}

// counted is what the ledger held of each log when it was counted last.
func (c *ledgerCounts) counted() map[geo.CommitLog]ledger.Sum {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sums
}

// count counts the ledger unless that was done lately, or nothing has been written
// since; one goroutine calls it at a time. What can't be counted is as it was.
func (c *ledgerCounts) count(ctx context.Context, l *ledger.Ledger) {
	if time.Since(c.at) < countPause {
		return
	}
	last, err := c.journal.Last(ctx)
	if err != nil || last == c.last && c.counted() != nil {
		return
	}
	sums, err := l.Summary(ctx)
	if err != nil && !errors.Is(err, ledger.ErrRecord) {
		return
	}
	counted := make(map[geo.CommitLog]ledger.Sum, len(sums))
	for _, sum := range sums {
		counted[sum.Log] = sum
	}
	c.at, c.last = time.Now(), last
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sums = counted
}

// digests pairs the offsets of a log in r with the digests of their entries.
func digests(ctx context.Context, log heldLog, r geo.Range, each func(*entry.Entry, entry.Digest) error) error {
	var hasher entry.Hasher
	for e, err := range entries(ctx, log, r) {
		if err != nil {
			return err
		}
		if err := each(e, hasher.Entry(e)); err != nil {
			return err
		}
	}
	return nil
}
