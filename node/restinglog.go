package node

import (
	"context"
	"slices"

	"geomq/geo"
	"geomq/mirror"
)

// restingLog is a log of this region as its sealer sees it. Most logs of a region
// rest most of the time: while the tail watch sees the log where the sealer has
// seen it last, nothing is asked again. One goroutine uses it.
type restingLog struct {
	heldLog
	tail *tail

	asked    bool
	extent   geo.Extent
	known    bool // unsealed is what the broker would say
	unsealed geo.Block
}

// Extent may be that of two seconds ago; there is less to seal then than there could
// be.
func (l *restingLog) Extent(ctx context.Context) (geo.Extent, error) {
	if seen, ok := l.tail.seen(2 * tailRest); ok && l.asked && sameExtent(seen, l.extent) {
		return l.extent, nil
	}
	l.asked, l.known = false, false
	extent, err := l.heldLog.Extent(ctx)
	if err != nil {
		return geo.Extent{}, err
	}
	l.asked, l.extent = true, extent
	return extent, nil
}

func sameExtent(a, b geo.Extent) bool {
	return a.First == b.First && a.Last == b.Last && slices.Equal(a.Epochs, b.Epochs)
}

// Read is what a sealer does that has something to do: it wants to know then how
// the log is at that moment, and not how it was.
func (l *restingLog) Read(ctx context.Context, from geo.Offset) (mirror.Reader, error) {
	l.asked = false
	return l.heldLog.Read(ctx, from)
}

// Unsealed asks once for each extent.
func (l *restingLog) Unsealed(ctx context.Context) (geo.Block, error) {
	if l.known {
		return l.unsealed, nil
	}
	block, err := l.heldLog.Unsealed(ctx)
	l.unsealed, l.known = block, err == nil
	return block, err
}

func (l *restingLog) PutSeal(ctx context.Context, seal geo.Seal) error {
	l.known = false
	return l.heldLog.PutSeal(ctx, seal)
}

func (l *restingLog) DropSeals(ctx context.Context, last geo.Offset) error {
	l.known = false
	return l.heldLog.DropSeals(ctx, last)
}

func (l *restingLog) TrimSeals(ctx context.Context, first geo.Offset) error {
	l.known = false
	return l.heldLog.TrimSeals(ctx, first)
}
