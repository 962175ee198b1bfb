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
	// added hears of entries that are in the ledger from then on.
	added func(log geo.CommitLog, r geo.Range, entries int, reason string)
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
// stream. What is in the ledger already stays as it is. Records of a control log are
// nobody's entries, and could not be published again.
func (r *records) retire(ctx context.Context, log heldLog, taken geo.Range, reason string) error {
	if log.ID().Control() {
		there, err := log.present(ctx, taken)
		if err != nil {
			return err
		}
		return log.DeleteEntries(ctx, offsetsOf(there))
	}
	kept, err := r.keep(ctx, log, taken, reason)
	if err != nil {
		return err
	}
	return log.DeleteEntries(ctx, kept)
}

// keep puts entries of a log into the ledger and returns their offsets. Without
// an error that is all there are: whoever removes them then loses nothing.
func (r *records) keep(ctx context.Context, log heldLog, taken geo.Range, reason string) (kept []geo.Offset, err error) {
	kept, unread, err := r.keepReadable(ctx, log, taken, reason)
	if err == nil && len(unread) > 0 {
		err = fmt.Errorf("put offsets %s of %s into the ledger: offset %d was not read: %w", taken, log.ID(), unread[0].First, errStill)
	}
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// keepReadable puts those entries into the ledger that can be read; unread are the
// others that are there.
func (r *records) keepReadable(ctx context.Context, log heldLog, taken geo.Range, reason string) (kept []geo.Offset, unread geo.Ranges, err error) {
	extent, err := log.Extent(ctx)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	var failed error
	err = r.ledger.PutAll(ctx, func(yield func(ledger.Record) bool) {
		failed = eachReadable(ctx, log, taken, func(e *entry.Entry) bool {
			kept = append(kept, e.Offset)
			return yield(ledger.Record{Log: log.ID(), Epoch: extent.Epochs.At(e.Offset), Entry: *e, Found: r.region, Reason: reason, At: now})
		})
	})
	if err = errors.Join(err, failed); err == nil {
		unread, err = notAmong(ctx, log, taken, kept)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("put offsets %s of %s into the ledger: %w", taken, log.ID(), err)
	}
	if r.added != nil && len(kept) > 0 {
		r.added(log.ID(), geo.Range{First: kept[0], Last: kept[len(kept)-1]}, len(kept), reason)
	}
	return kept, unread, nil
}

// eachReadable reads what can be read of the entries in r. Where reading stands
// still it goes on behind the offset at which it does, a few times.
func eachReadable(ctx context.Context, log heldLog, r geo.Range, each func(*entry.Entry) bool) error {
	next := r.First
	for range readTries {
		var failed error
		for e, err := range entries(ctx, log, geo.Range{First: next, Last: r.Last}) {
			if failed = err; err != nil {
				break
			}
			if next = e.Offset + 1; !each(e) {
				return nil
			}
		}
		if failed == nil {
			return nil
		}
		if !errors.Is(failed, errStill) || ctx.Err() != nil {
			return failed
		}
		there, err := log.present(ctx, geo.Range{First: next, Last: r.Last})
		if err != nil || len(there) == 0 {
			return err
		}
		next = there[0].First + 1
	}
	return nil
}

// notAmong are the offsets of taken that hold an entry and are not among those that
// were read. A broker of a cluster may be behind the one that leads.
func notAmong(ctx context.Context, log heldLog, taken geo.Range, read []geo.Offset) (unread geo.Ranges, err error) {
	there, err := log.present(ctx, taken)
	if err != nil {
		return nil, err
	}
	var left []geo.Offset
	for _, r := range there {
		at, _ := slices.BinarySearch(read, r.First)
		for o := r.First; o <= r.Last; o++ {
			if at < len(read) && read[at] == o {
				at++
				continue
			}
			left = append(left, o)
		}
	}
	return runs(left), nil
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
