package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// SetGaps records which offsets an operator has accepted as lacking here, in
// place of what was recorded before. Those before the log's first offset are
// left out.
func (l *CommitLog) SetGaps(ctx context.Context, gaps geo.Ranges) error {
	err := l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		kept := gaps.Intersect(geo.Range{First: geo.Offset(info.State.FirstSeq), Last: ^geo.Offset(0) - 1})
		return withMetadata(info.Config, metaGaps, formatRanges(kept)), nil
	})
	if err != nil {
		return fmt.Errorf("set the gaps of %s: %w", l.id, err)
	}
	return nil
}

// Gaps returns what SetGaps recorded. The error is ErrMetadata where that can't be
// read.
func (l *CommitLog) Gaps(ctx context.Context) (geo.Ranges, error) {
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return nil, err
	}
	gaps, err := parseRanges(info.Config.Metadata[metaGaps])
	if err != nil {
		return nil, fmt.Errorf("read the gaps of %s: %w", l.id, err)
	}
	return gaps, nil
}
