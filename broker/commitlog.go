package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// CommitLog is what a cluster holds of one CommitLog: the origin or a replica.
// It keeps no state of its own, so any number of goroutines may use it, and as
// many of them as they like for the same log.
type CommitLog struct {
	broker     *Broker
	id         geo.CommitLog
	role       Role
	ingest     string // prefix of subjects at which a replica is written
	fastIngest bool   // the stream takes fast-ingest batches
	chains     bool   // it may be written as a chain (way.go)
	replicas   int
}

// ID names the log.
func (l *CommitLog) ID() geo.CommitLog { return l.id }

// Role says which side of the log this cluster holds.
func (l *CommitLog) Role() Role { return l.role }

// Extent tells what the log holds now, as the leader of its stream sees it.
func (l *CommitLog) Extent(ctx context.Context) (geo.Extent, error) {
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return geo.Extent{}, err
	}
	return extent(info), nil
}

// Leader names the server that leads the stream; empty while there is none.
func (l *CommitLog) Leader(ctx context.Context) (string, error) {
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return "", err
	}
	return l.broker.leader(info), nil
}

// SetEpochs records a newer epoch table. A table that forgets or changes an
// epoch which the log knows is refused with geo.ErrEpochs. When it returns, the
// table survives a power cut of this server.
func (l *CommitLog) SetEpochs(ctx context.Context, epochs geo.Epochs) error {
	if err := epochs.Validate(); err != nil {
		return fmt.Errorf("set the epochs of %s: %w", l.id, err)
	}
	err := l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		known := extent(info).Epochs
		if !epochs.Extends(known) {
			return info.Config, fmt.Errorf("%w: %v forgets some of %v", geo.ErrEpochs, epochs, known)
		}
		return withMetadata(info.Config, metaEpochs, epochs.String()), nil
	})
	if err != nil {
		return fmt.Errorf("set the epochs of %s: %w", l.id, err)
	}
	return nil
}

// Trim removes the entries before first, and the seals of blocks that
// are gone with them. It never goes beyond the end (ErrBeyondEnd): JetStream
// would skip offsets that are still to come.
func (l *CommitLog) Trim(ctx context.Context, first geo.Offset) error {
	have, err := l.Extent(ctx)
	switch {
	case err != nil:
		return err
	case first > have.Last+1:
		return fmt.Errorf("trim %s to %d: %w: it ends at %d", l.id, first, ErrBeyondEnd, have.Last)
	case first <= have.First:
		return l.TrimSeals(ctx, first)
	}
	request := server.JSApiStreamPurgeRequest{Sequence: uint64(first)}
	if err := l.broker.api.call(ctx, "STREAM.PURGE."+l.id.Stream(), request, nil); err != nil {
		return fmt.Errorf("trim %s to %d: %w", l.id, first, err)
	}
	return l.TrimSeals(ctx, first)
}
