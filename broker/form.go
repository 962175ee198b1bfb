package broker

import (
	"bytes"
	"context"
	"fmt"

	"geomq/geo"
	"geomq/geo/entry"
)

// form tells at which offsets a stream holds entries as a replica stores them.
type form struct {
	log *CommitLog
	// escaped are those offsets of an origin, as they were recorded when it
	// ended at known: what is announced or corrected later lies behind.
	escaped geo.Ranges
	known   geo.Offset
}

// learn asks what is recorded. The end is asked for first: in one answer, it
// may be newer than the record.
func (f *form) learn(ctx context.Context) error {
	if f.log.role == Replica {
		return nil
	}
	have, err := f.log.Extent(ctx)
	if err != nil {
		return err
	}
	info, err := f.log.broker.info(ctx, f.log.id)
	if err != nil {
		return err
	}
	escaped, err := parseRanges(info.Config.Metadata[metaEscaped])
	if err != nil {
		return err
	}
	f.escaped, f.known = escaped, have.Last
	return nil
}

// raw tells whether everything up to an offset is known to be as producers sent
// it.
func (f *form) raw(last geo.Offset) bool {
	return f.log.role == Origin && len(f.escaped) == 0 && last <= f.known
}

var expectedLine = []byte("NATS/1.0\r\nNats-Expected-Last-Sequence: ")

// entry is what a stored message means. The error wraps entry.ErrStored, or says
// why it can't be learnt.
func (f *form) entry(stored *entry.Entry) (entry.Entry, error) {
	if f.log.role == Origin {
		escaped, err := f.isEscaped(stored)
		if err != nil || !escaped {
			return *stored, err
		}
	}
	return entry.FromStored(stored.Offset, stored.Subject, stored.Header, stored.Body)
}

// isEscaped tells it from the record. Only what could not have been stored by
// entry.Entry.Stored is raw for certain; where a record for anything else is
// missing, it is asked for.
func (f *form) isEscaped(stored *entry.Entry) (bool, error) {
	if stored.Offset > f.known {
		if !bytes.HasPrefix(stored.Header, expectedLine) {
			return false, nil
		}
		if _, err := entry.FromStored(stored.Offset, stored.Subject, stored.Header, stored.Body); err != nil {
			return false, nil
		}
		if err := f.learn(context.Background()); err != nil {
			return false, fmt.Errorf("learn whether offset %d was pulled back: %w", stored.Offset, err)
		}
	}
	return f.escaped.Contains(stored.Offset), nil
}
