package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// Whether an entry stands in an origin as its producer sent it, or escaped as in
// a replica because it was pulled back, is never told by the entry: a producer
// could have written the same. It is a fact of its offset, recorded before the
// first such entry is written and corrected before producers write again.

// BeginRestore announces that a fenced origin's entries from its end on, up to
// through, are going to be written by an Appender. It may be called again, also
// after a crash.
func (l *CommitLog) BeginRestore(ctx context.Context, through geo.Offset) error {
	last, err := l.fencedEnd(ctx)
	if err != nil {
		return fmt.Errorf("restore %s up to %d: %w", l.id, through, err)
	}
	err = l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		escaped, err := parseRanges(info.Config.Metadata[metaEscaped])
		if err != nil {
			return info.Config, err
		}
		escaped = escaped.Add(geo.Range{First: last + 1, Last: through})
		escaped = escaped.Intersect(geo.Range{First: geo.Offset(info.State.FirstSeq), Last: max(through, last)})
		return withMetadata(info.Config, metaEscaped, formatRanges(escaped)), nil
	})
	if err != nil {
		return fmt.Errorf("restore %s up to %d: %w", l.id, through, err)
	}
	return nil
}

// fencedEnd is the exact end of an origin behind its fence.
func (l *CommitLog) fencedEnd(ctx context.Context) (geo.Offset, error) {
	if fenced, err := l.Fenced(ctx); err != nil {
		return 0, err
	} else if l.role != Origin || !fenced {
		return 0, fmt.Errorf("%w: it isn't a fenced origin", ErrRole)
	}
	return l.settledEnd(ctx, l.ingest)
}

// EndRestore takes back what was announced and hasn't been written. Offsets that
// retention has removed are forgotten too. No Appender may be at work.
func (l *CommitLog) EndRestore(ctx context.Context) error {
	end, err := l.fencedEnd(ctx)
	if err != nil {
		return fmt.Errorf("end the restoring of %s: %w", l.id, err)
	}
	err = l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		return withRangesCut(info.Config, metaEscaped, geo.Range{First: geo.Offset(info.State.FirstSeq), Last: end})
	})
	if err != nil {
		return fmt.Errorf("end the restoring of %s: %w", l.id, err)
	}
	return nil
}

// withRangesCut is cfg with a set of ranges in its metadata cut to r.
func withRangesCut(cfg server.StreamConfig, key string, r geo.Range) (server.StreamConfig, error) {
	set, err := parseRanges(cfg.Metadata[key])
	if err != nil {
		return cfg, err
	}
	return withMetadata(cfg, key, formatRanges(set.Intersect(r))), nil
}
