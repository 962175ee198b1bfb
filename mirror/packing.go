package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// linger is how long entries of a busy log wait for company, counted from the
// frame before: a frame takes the same work for one entry as for a hundred.
const linger = 3 * time.Millisecond

// lingerBehind is the same for a source that always finds more entries than it
// has packed, but is too slow to fill a frame.
const lingerBehind = 10 * linger

// packing turns a reader's entries into frames: full ones while it is behind,
// and at most one per linger when it keeps up.
type packing struct {
	reader Reader
	packer Packer
	next   geo.Offset
	codec  Codec
	size   int
	out    chan<- *Frame
	sent   time.Time
}

func (p *packing) run(ctx context.Context) error {
	for {
		entries, err := p.wait(ctx)
		if err == nil {
			err = p.emitBegun(ctx, len(entries) > 0)
		}
		if err != nil {
			return err
		}
		for i := range entries {
			if err := p.add(ctx, &entries[i]); err != nil {
				return err
			}
		}
	}
}

// emitBegun sends a begun frame when nothing more is there, or when it has been
// filling for long.
func (p *packing) emitBegun(ctx context.Context, more bool) error {
	switch {
	case p.packer.Count() == 0:
		return nil
	case !more:
		return p.emit(ctx, p.packer.Pack)
	case time.Since(p.sent) >= lingerBehind:
		return p.emit(ctx, p.packer.PackFull)
	}
	return nil
}

// wait returns the next entries, or none when a begun frame has waited enough.
func (p *packing) wait(ctx context.Context) ([]entry.Entry, error) {
	if p.packer.Count() == 0 {
		return p.reader.Next(ctx)
	}
	short, cancel := context.WithDeadline(ctx, p.sent.Add(linger))
	defer cancel()
	entries, err := p.reader.Next(short)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return entries, err
}

func (p *packing) add(ctx context.Context, e *entry.Entry) error {
	if e.Offset < p.next {
		return fmt.Errorf("the holder's reader went back: offset %d came where %d was due", e.Offset, p.next)
	}
	// Behind a jump, which the source will have to explain, a frame begins. A
	// large entry begins one of its own, so that no frame is longer than the
	// larger of p.size and one entry.
	full := e.Offset > p.next || p.packer.Count() == MaxEntries || p.packer.Size()+e.Size() > p.size
	p.next = e.Offset + 1
	if p.packer.Count() > 0 && full {
		if err := p.emit(ctx, p.packer.PackFull); err != nil {
			return err
		}
	}
	p.packer.Add(e)
	return nil
}

func (p *packing) emit(ctx context.Context, pack func(Codec) *Frame) error {
	select {
	case p.out <- pack(p.codec):
		p.sent = time.Now() // not before: it may have waited for credit
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
