package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"geomq/broker"
	"geomq/geo"
	"geomq/mirror"
)

// cluster shows the broker to links the way package mirror wants to see it.
type cluster struct {
	broker *broker.Broker
	// window is how many bytes a reader may have under way.
	window int
	// replicas is how many brokers keep a copy.
	replicas func(geo.LogName) int
	// creatable is nil where a replica may be made.
	creatable func(geo.CommitLog) error
	records   *records
	shelves   *shelves
	// tail is what is known of the end of a log of this region, nil for others'.
	tail func(geo.CommitLog) *tail
}

// Held implements mirror.Holder: sources read patched blocks as they should be.
func (c cluster) Held(ctx context.Context, id geo.CommitLog) (mirror.HeldLog, error) {
	held, err := c.open(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.shelves.serve(id, held), nil
}

// Open implements mirror.Replicas. A session begins without what one that was
// broken off while it made holes has left behind.
func (c cluster) Open(ctx context.Context, id geo.CommitLog) (mirror.Replica, error) {
	log, err := c.open(ctx, id)
	if err != nil {
		return nil, err
	}
	return log, log.RemoveFillers(ctx)
}

func (c cluster) open(ctx context.Context, id geo.CommitLog) (heldLog, error) {
	log, err := c.broker.Lookup(ctx, id)
	return heldLog{log, c}, translate(err)
}

// Create implements mirror.Replicas.
func (c cluster) Create(ctx context.Context, id geo.CommitLog, first geo.Offset, epochs geo.Epochs) (mirror.Replica, error) {
	if err := c.creatable(id); err != nil {
		return nil, err
	}
	log, err := c.broker.OpenReplica(ctx, broker.ReplicaConfig{
		ID: id, First: first, Epochs: epochs, Replicas: c.replicas(id.Log),
	})
	if err != nil {
		return nil, translate(err)
	}
	return heldLog{log, c}, nil
}

// translate gives the broker's errors the names that links act on.
func translate(err error) error {
	var conflict *broker.ConflictError
	switch {
	case errors.Is(err, broker.ErrNoLog):
		return fmt.Errorf("%w: %w", mirror.ErrNoLog, err)
	case errors.Is(err, broker.ErrFenced):
		return fmt.Errorf("%w: %w", mirror.ErrFenced, err)
	case errors.Is(err, broker.ErrSealed):
		return fmt.Errorf("%w: %w", mirror.ErrSealed, err)
	case errors.As(err, &conflict):
		return fmt.Errorf("%w: %w", mirror.ErrStream, err)
	}
	return err
}

// heldLog is a CommitLog with what this cluster keeps beside it.
type heldLog struct {
	*broker.CommitLog
	cluster cluster
}

// Extent implements mirror.HeldLog. Who keeps an eye on the log's end hears of it.
func (l heldLog) Extent(ctx context.Context) (geo.Extent, error) {
	asked := time.Now()
	extent, err := l.CommitLog.Extent(ctx)
	if tail := l.cluster.tail(l.ID()); err == nil && tail != nil {
		tail.see(extent, asked)
	}
	return extent, err
}

func (l heldLog) Read(ctx context.Context, from geo.Offset) (mirror.Reader, error) {
	return l.CommitLog.Read(ctx, from, l.cluster.window)
}

func (l heldLog) Unsealed(ctx context.Context) (geo.Block, error) {
	newest, ok, err := l.SealedTo(ctx)
	if err != nil || !ok {
		return 0, err
	}
	return newest + 1, nil
}

func (l heldLog) PutSeal(ctx context.Context, seal geo.Seal) error {
	return translate(l.CommitLog.PutSeal(ctx, seal))
}

// Deletions implements mirror.HeldLog.
func (l heldLog) Deletions(ctx context.Context, after uint64) ([]geo.Deletion, error) {
	return l.cluster.records.deletions.after(ctx, l.ID(), after)
}

// Retire implements mirror.Replica. Fillers of a session that was broken off may
// have landed since this one began: they are no entries, and go first.
func (l heldLog) Retire(ctx context.Context, r geo.Range, reason string) error {
	if err := l.RemoveFillers(ctx); err != nil {
		return err
	}
	there, err := l.present(ctx, r)
	if err == nil {
		err = l.RemoveStrays(ctx, there)
	}
	if err != nil || len(there) == 0 {
		return err
	}
	return l.cluster.records.retire(ctx, l, r, reason)
}

// SetEpochs implements mirror.Replica. What the table speaks of is on the disk
// before it is: a table that outlives entries of its epochs would name offsets
// that are written again.
func (l heldLog) SetEpochs(ctx context.Context, epochs geo.Epochs) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	return l.CommitLog.SetEpochs(ctx, epochs)
}

// Delete implements mirror.Replica: the entries go before the record comes, so
// that a record means that they are gone.
func (l heldLog) Delete(ctx context.Context, d geo.Deletion) error {
	if err := l.DeleteEntries(ctx, d.Offsets); err != nil {
		return err
	}
	return l.cluster.records.deletions.record(ctx, l.ID(), d)
}

func (l heldLog) Append(ctx context.Context, last geo.Offset, applied func(geo.Offset)) (mirror.Appender, error) {
	a, err := l.Appender(ctx, broker.AppendConfig{Last: last, Window: l.cluster.window, OnApplied: applied})
	if err != nil {
		return nil, translate(err)
	}
	return appender{a}, nil
}

// appender translates the errors of a broker's Appender.
type appender struct{ *broker.Appender }

func (a appender) Err() error { return translate(a.Appender.Err()) }
