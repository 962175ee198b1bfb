package node_test

import (
	"context"
	"errors"
	"testing"

	"geomq/geo"
	"geomq/mirror"
)

// TestASessionBreaksOffWhileItMakesHoles: what it had sent lands when the next one
// has begun, which must not take it for entries that a power cut brought back. It
// would wait for entries that nobody shows, and break off in its turn.
func TestASessionBreaksOffWhileItMakesHoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	last := geo.Offset(w.publish(w.client("us-east"), 20))
	w.holds("eu-west", orders.Stream(), uint64(last))
	n := w.nodes["eu-west"]
	err := n.Rest(t.Context(), orders, func() error {
		for range 3 {
			next, err := n.Replica(t.Context(), orders) // it begins before the holes come
			if err == nil {
				last, err = breakOff(t.Context(), n)
			}
			if err == nil {
				err = next.Retire(t.Context(), geo.Range{First: 21, Last: last}, "beyond the end of an epoch")
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if l := w.log("eu-west"); l.Ledger != nil && l.Ledger.Entries > 0 {
		t.Errorf("%d entries are in the ledger", l.Ledger.Entries)
	}
}

type replicas interface {
	Replica(context.Context, geo.CommitLog) (mirror.Replica, error)
}

// breakOff makes holes behind the end, is stopped in the middle of it, and returns
// where the replica ends then.
func breakOff(ctx context.Context, n replicas) (geo.Offset, error) {
	replica, err := n.Replica(ctx, orders)
	if err != nil {
		return 0, err
	}
	before, err := replica.Extent(ctx)
	if err != nil {
		return 0, err
	}
	appender, err := replica.Append(ctx, before.Last, func(geo.Offset) {})
	if errors.Is(err, mirror.ErrFenced) {
		return breakOff(ctx, n) // more has landed since
	}
	if err != nil {
		return 0, err
	}
	working, stop := context.WithCancel(ctx)
	skipped := make(chan struct{})
	go func() {
		defer close(skipped)
		_ = appender.Skip(working, before.Last+1_000_000) // broken off
	}()
	now := before
	for err == nil && now.Last <= before.Last+100 {
		now, err = replica.Extent(ctx)
	}
	stop()
	<-skipped
	_ = appender.Close()
	if err != nil {
		return 0, err
	}
	now, err = replica.Extent(ctx)
	return now.Last, err
}
