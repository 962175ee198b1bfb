package mirror

import (
	"context"
	"errors"
	"fmt"

	"geomq/dedupe"
	"geomq/geo"
	"geomq/geo/entry"
)

// remembered is how many entries of a log a session recognises when they are
// sent again; older ones are compared with the replica.
const remembered = 4096

// batch is an unpacked frame on its way from unpack to apply, or another piece of
// work that keeps its place among the frames.
type batch struct {
	unpacker Unpacker
	work     Action
	entries  []entry.Entry
	fresh    []entry.Entry // the part of entries that the replica lacks
	more     bool
	err      *Failed
}

// applyAll unpacks frames and appends their entries until the session ends. Two
// batches take turns, so that one frame is unpacked while the other is applied.
func (s *sinkSession) applyAll(ctx context.Context, appender Appender, last geo.Offset) {
	free, full := make(chan *batch, 2), make(chan *batch, 2)
	stream := new(unpackStream)
	free <- &batch{unpacker: Unpacker{stream: stream}}
	free <- &batch{unpacker: Unpacker{stream: stream}}
	s.group.Go(func() {
		defer close(full)
		s.unpackAll(ctx, free, full, dedupe.NewRecent(last, remembered))
	})
	defer func() { // let unpackAll finish
		for range full {
		}
	}()
	for b := range full {
		if b.err != nil {
			s.fail(*b.err)
			return
		}
		if err := s.carryOut(ctx, appender, b); err != nil {
			s.fail(Failed{localCause(err), err.Error()})
			return
		}
		select {
		case free <- b:
		case <-ctx.Done():
			return
		}
	}
}

func (s *sinkSession) carryOut(ctx context.Context, appender Appender, b *batch) error {
	switch work := b.work.(type) {
	case Leave:
		return s.leave(ctx, appender, geo.Range{First: work.First, Last: work.Last})
	case Delete:
		return s.delete(ctx, appender, work.Deletion)
	case Apply:
		return s.append(ctx, appender, b, work.Without)
	}
	return nil
}

// append appends the fresh entries of a frame. Those that have been deleted are
// never shown here: their offsets become holes.
func (s *sinkSession) append(ctx context.Context, appender Appender, b *batch, without geo.Ranges) error {
	if len(b.fresh) == 0 {
		s.wake() // nothing to apply, but the frame's credit is free again
		return nil
	}
	newest := &b.fresh[len(b.fresh)-1]
	s.marks.put(newest.Offset, newest.Time)
	rest := b.fresh
	for _, r := range without {
		at := int(r.First - rest[0].Offset)
		if at > 0 {
			if err := appender.Append(ctx, rest[:at], true); err != nil {
				return err
			}
		}
		if err := s.leave(ctx, appender, r); err != nil {
			return err
		}
		if rest = rest[at+int(r.Len()):]; len(rest) == 0 {
			return nil
		}
	}
	s.handed = rest[len(rest)-1].Offset
	return appender.Append(ctx, rest, b.more)
}

// leave makes r, which comes next, a hole.
func (s *sinkSession) leave(ctx context.Context, appender Appender, r geo.Range) error {
	s.handed = r.Last
	s.applied.over(r)
	if err := appender.Skip(ctx, r.Last); err != nil {
		return err
	}
	s.advance(r.Last)
	return nil
}

// delete removes what d names. What was handed over before must be there by
// then, else it would come behind its deletion and stay.
func (s *sinkSession) delete(ctx context.Context, appender Appender, d geo.Deletion) error {
	newest := min(s.handed, d.Offsets[len(d.Offsets)-1])
	if err := s.applied.await(ctx, appender, newest); err != nil {
		return err
	}
	if err := s.replica.Delete(ctx, d); err != nil {
		return err
	}
	s.recorded.Store(d.Number)
	s.wake()
	return nil
}

func (s *sinkSession) unpackAll(ctx context.Context, free, full chan *batch, recent *dedupe.Recent) {
	var hasher entry.Hasher
	for {
		work, more, ok := s.work.take()
		if !ok {
			return
		}
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		b.work, b.more, b.err = work, more, nil
		switch work := work.(type) {
		case Apply:
			b.err = s.unpack(ctx, b, work, recent, &hasher)
		case Leave:
			if work.Why == WhyEpochs {
				s.sums.hole(geo.Range{First: work.First, Last: work.Last})
			}
			recent = dedupe.NewRecent(work.Last, remembered)
		}
		select {
		case full <- b:
		case <-ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

// unpack fills b with the entries of a frame and judges each of them.
func (s *sinkSession) unpack(ctx context.Context, b *batch, a Apply, recent *dedupe.Recent, hasher *entry.Hasher) *Failed {
	var err error
	if b.entries, err = b.unpacker.Unpack(b.entries[:0], a.Frame); err != nil {
		return &Failed{CauseDamaged, err.Error()}
	}
	b.fresh = b.entries[a.Skip:]
	for i := range b.entries {
		e := &b.entries[i]
		digest := hasher.Entry(e)
		if failed := s.judge(ctx, e, digest, recent.Judge(e, digest)); failed != nil {
			return failed
		}
	}
	return nil
}

func (s *sinkSession) judge(ctx context.Context, e *entry.Entry, digest entry.Digest, verdict dedupe.Verdict) *Failed {
	switch verdict {
	case dedupe.Repeat:
		s.link.stats.repeated.Add(1)
		fallthrough
	case dedupe.Fresh:
		s.sums.add(e.Offset, digest)
		return nil
	case dedupe.Resend:
		s.link.stats.resent.Add(1)
		return nil
	case dedupe.Forgotten:
		return s.compare(ctx, e.Offset, digest)
	case dedupe.Conflict:
		return conflict(e.Offset)
	}
	return &Failed{CauseOffset, fmt.Sprintf("offset %d came before the one in front of it", e.Offset)}
}

// compare looks up in the replica what came again.
func (s *sinkSession) compare(ctx context.Context, offset geo.Offset, digest entry.Digest) *Failed {
	stored, err := digestAt(ctx, s.replica, offset)
	switch {
	case err != nil:
		return &Failed{CauseLocal, err.Error()}
	case stored != nil && *stored != digest:
		return conflict(offset)
	}
	s.link.stats.resent.Add(1)
	return nil
}

func conflict(offset geo.Offset) *Failed {
	return &Failed{CauseConflict, fmt.Sprintf("offset %d came again as another entry than the replica holds", offset)}
}

// check compares blocks of the replica with the origin's seals and keeps those
// that agree.
func (s *sinkSession) check(ctx context.Context) {
	for {
		seal, _, ok := s.checks.take()
		if !ok || ctx.Err() != nil {
			return
		}
		if failed := s.checkSeal(ctx, seal); failed != nil && ctx.Err() == nil {
			s.fail(*failed)
			return
		}
	}
}

func (s *sinkSession) checkSeal(ctx context.Context, seal geo.Seal) *Failed {
	if sum, ok := s.sums.take(seal.Block); !ok || sum != entry.Digest(seal.Digest) {
		if proved, failed := s.link.prove(ctx, s.replica, seal); !proved {
			return failed
		}
	}
	if err := s.replica.PutSeal(ctx, seal); err != nil {
		return &Failed{localCause(err), fmt.Sprintf("could not keep the seal of block %d: %v", seal.Block, err)}
	}
	s.link.stats.seals.Add(1)
	return nil
}

// unproved is why a session ends over a block of the replica that could not be
// proved equal to its seal.
func unproved(err error) *Failed {
	var block *BlockError
	switch {
	case !errors.As(err, &block):
		return &Failed{CauseLocal, err.Error()}
	case block.Kind == Damaged:
		return &Failed{CauseConflict, fmt.Sprintf("block %d (offsets %s) of %s is not what its origin sealed: find the entries with `geomq verify %s`",
			block.Block, block.Block.Range(), block.Log, block.Log)}
	}
	return &Failed{block.Cause(), block.Error()}
}
