package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"geomq/geo"
)

// Filter says which records are meant; the zero Filter means all.
type Filter struct {
	// Log is the one whose entries are meant; the zero one means every log's.
	Log geo.CommitLog
	// Pending leaves out what was published again.
	Pending bool
	// After begins behind the record of that ID, in the order of keeping.
	After string
	// Limit is how many List returns at most; default DefaultLimit.
	Limit int
}

// DefaultLimit is how many records List returns where Filter doesn't say.
const DefaultLimit = 100

func (f *Filter) matches(r *Record) bool {
	return (f.Log == geo.CommitLog{} || f.Log == r.Log) && !(f.Pending && r.Republished())
}

// List returns the records that are meant, in the order of keeping. Each of them
// is in memory as a whole: for many, see Each. ErrUnknown says that After is none.
func (l *Ledger) List(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit <= 0 {
		f.Limit = DefaultLimit
	}
	var list []Record
	err := l.Each(ctx, f, func(r Record) error {
		if list = append(list, r); len(list) == f.Limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

var errEnough = errors.New("enough")

// Each calls each with the records that are meant, in the order of keeping,
// whatever Filter.Limit says, and ends with each's error as it is. A damaged
// record is passed over, and ErrRecord told about the first at the end. It reads
// the ledger twice.
func (l *Ledger) Each(ctx context.Context, f Filter, each func(Record) error) error {
	var stopped error
	err := l.each(ctx, f, func(r Record) error {
		stopped = each(r)
		return stopped
	})
	if stopped != nil || err == nil {
		return stopped
	}
	return fmt.Errorf("read the ledger: %w", err)
}

func (l *Ledger) each(ctx context.Context, f Filter, each func(Record) error) error {
	from, err := l.behind(ctx, f.After)
	if err != nil {
		return err
	}
	marks, damaged, err := l.marks(ctx, from)
	if err != nil {
		return err
	}
	err = l.store.Each(ctx, from, func(stored Stored) error {
		if isMark(stored.Key) {
			return nil
		}
		r, err := record(stored)
		if err != nil {
			damaged = cmp.Or(damaged, err)
			return nil
		}
		m := marks[r.ID]
		r.RepublishedAt, r.RepublishedAs = m.at, m.as
		if !f.matches(&r) {
			return nil
		}
		return each(r)
	})
	return cmp.Or(err, damaged)
}

// behind is the sequence that follows a record's.
func (l *Ledger) behind(ctx context.Context, id string) (uint64, error) {
	if id == "" {
		return 1, nil
	}
	stored, any, err := l.store.RecordOf(ctx, id)
	if err == nil && !any {
		err = fmt.Errorf("%w: %.100q", ErrUnknown, id)
	}
	return stored.Seq + 1, err
}

// marks collects what is known of republications; a mark is written behind its
// record.
func (l *Ledger) marks(ctx context.Context, from uint64) (marks map[string]mark, damaged, err error) {
	marks = map[string]mark{}
	err = l.store.Each(ctx, from, func(stored Stored) error {
		id, is := strings.CutSuffix(stored.Key, markSuffix)
		if !is {
			return nil
		}
		m, err := decodeMark(stored.Data)
		if err != nil {
			damaged = cmp.Or(damaged, fmt.Errorf("mark %d: %w", stored.Seq, err))
			return nil
		}
		marks[id] = m
		return nil
	})
	return marks, damaged, err
}

// Sum is what the ledger keeps of one log.
type Sum struct {
	Log geo.CommitLog
	// Entries is how many there are, Republished how many of them were published
	// again.
	Entries, Republished uint64
	// First and Last are the lowest and the highest offset.
	First, Last geo.Offset
	// Epochs are the epochs' numbers, ascending.
	Epochs []uint64
	// Bytes is the size of subjects, headers and bodies.
	Bytes uint64
	// Newest is when the last of them was taken out of the log.
	Newest time.Time
}

// Summary returns a Sum for each log that has something in the ledger, in the
// order of their names. With ErrRecord, which tells about the first damaged
// record, it returns what could be read.
func (l *Ledger) Summary(ctx context.Context) ([]Sum, error) {
	sums := map[geo.CommitLog]*Sum{}
	err := l.Each(ctx, Filter{}, func(r Record) error {
		s := sums[r.Log]
		if s == nil {
			s = &Sum{Log: r.Log, First: r.Entry.Offset}
			sums[r.Log] = s
		}
		s.add(&r)
		return nil
	})
	var list []Sum
	for _, s := range sums {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Sum) int { return cmp.Compare(a.Log.Stream(), b.Log.Stream()) })
	return list, err
}

func (s *Sum) add(r *Record) {
	s.Entries++
	if r.Republished() {
		s.Republished++
	}
	e := &r.Entry
	s.First, s.Last = min(s.First, e.Offset), max(s.Last, e.Offset)
	if at, has := slices.BinarySearch(s.Epochs, r.Epoch); !has {
		s.Epochs = slices.Insert(s.Epochs, at, r.Epoch)
	}
	s.Bytes += uint64(len(e.Subject) + len(e.Header) + len(e.Body))
	if r.At.After(s.Newest) {
		s.Newest = r.At
	}
}
