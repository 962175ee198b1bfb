package broker

import (
	"context"
	"fmt"
	"strconv"

	"geomq/broker/wire"
	"geomq/geo"
)

// fillersAtOnce is how many fillers a log holds at most: each takes 95 bytes of
// disk until it is purged. A purge that follows another in the same log may be
// forgotten by a server that is killed, and the fillers come back, to be purged
// again by whoever opens the log; so it is rather one purge than many.
const fillersAtOnce = 2_000_000

// Skip makes holes of the offsets behind the last entry, up to through: it
// settles what is under way, fills the offsets and removes the fillers. It
// returns, and tells OnApplied, when the holes are made; nothing happens where
// through is no later than the last entry. A crash on the way leaves a log that
// ends somewhere before through, with fillers that the next Appender removes:
// Skip again. What was skipped stays skipped if the server is killed, though
// fillers may show again until the log is opened. After a power cut the log may end earlier than it did, as after
// any write.
//
// No Append may run meanwhile. An error ends the Appender, as with Append.
func (a *Appender) Skip(ctx context.Context, through geo.Offset) error {
	if err := a.Settle(ctx); err != nil {
		return err
	}
	if through <= a.Applied() {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { a.fail(context.Cause(ctx)) })
	defer stop()
	a.fill(true)
	for from := a.Applied() + 1; from <= through; from += fillersAtOnce {
		if err := a.skipTo(ctx, min(through, from+fillersAtOnce-1)); err != nil {
			return a.fail(fmt.Errorf("skip to %d: %w", through, err))
		}
	}
	a.fill(false)
	a.tell(a.Applied())
	return nil
}

func (a *Appender) fill(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.skipping = on
}

// skipTo makes holes of a stretch that is short enough to be filled.
func (a *Appender) skipTo(ctx context.Context, through geo.Offset) error {
	if err := a.sendFillers(ctx, through); err != nil {
		return err
	}
	if err := a.Settle(ctx); err != nil {
		return err
	}
	return a.log.purgeFillers(ctx)
}

func (a *Appender) sendFillers(ctx context.Context, through geo.Offset) error {
	a.sending.Lock()
	defer a.sending.Unlock()
	if err := a.begin(ctx); err != nil {
		return err
	}
	subject := []byte(a.log.fillers())
	for a.next <= through {
		header := append(a.header[:0], "NATS/1.0\r\nNats-Expected-Last-Sequence: "...)
		header = append(strconv.AppendUint(header, uint64(a.next)-1, 10), "\r\n\r\n"...)
		a.header = header[:0]
		if err := a.store(a.next, wire.Pub{Subject: subject, Header: header}, a.next == through); err != nil {
			return err
		}
	}
	return nil
}
