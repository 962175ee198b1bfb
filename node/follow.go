package node

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"geomq/broker"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
	"geomq/mirror"
	"geomq/node/events"
)

const (
	// rememberedEvents is how many events a node keeps in memory.
	rememberedEvents = 10_000
	// gatePause is how often held records are looked at again.
	gatePause = time.Second
)

// follow reads one region's control log as this region holds it, and puts its
// records into the book, in their order, when the logs that they name have come as
// far here.
func (n *Node) follow(ctx context.Context, region geo.Region) {
	f := follower{node: n, region: region, log: n.log.With("log", geo.ControlLog(region).Stream())}
	for ctx.Err() == nil {
		if err := f.read(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, mirror.ErrNoLog) {
			f.log.Debug("reading the control log again", "error", err)
		}
		sleep(ctx, gatePause)
	}
}

type follower struct {
	node   *Node
	region geo.Region
	log    *slog.Logger
	next   geo.Offset
	gate   control.Gate
	// Records that are not in the book yet, in the order of their offsets: held by
	// the gate, or behind one that is. A cursor is an offset, so whoever was shown
	// a record is never shown one in front of it.
	behind []*placed
}

// placed is a record on its way into the book.
type placed struct {
	control.Placed
	free bool // the gate has let it go
}

// read reads until something fails.
func (f *follower) read(ctx context.Context) error {
	held, err := f.node.cluster().Held(ctx, geo.ControlLog(f.region))
	if err != nil {
		return err
	}
	reader, err := held.Read(ctx, max(f.next, 1))
	if errors.Is(err, broker.ErrBeyondEnd) {
		f.log.Warn("the control log ends before what was read of it, as if it was made anew: reading all of it again", "next", f.next)
		f.next, f.gate, f.behind = 1, control.Gate{}, nil
		f.node.book.Forget(f.region)
	}
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		some, err := f.some(ctx, reader)
		if err != nil {
			return err
		}
		for i := range some {
			f.take(&some[i])
		}
		f.release(ctx)
	}
}

// some returns what comes next, or nothing after a pause while records are held.
func (f *follower) some(ctx context.Context, reader mirror.Reader) ([]entry.Entry, error) {
	if f.gate.Held() == 0 {
		return reader.Next(ctx)
	}
	short, cancel := context.WithTimeout(ctx, gatePause)
	defer cancel()
	some, err := reader.Next(short)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	return some, err
}

func (f *follower) take(e *entry.Entry) {
	f.next = e.Offset + 1
	r, err := control.Decode(e.Body)
	if err != nil {
		f.log.Warn("passed over what is no record", "offset", e.Offset, "error", err)
		return
	}
	p := &placed{Placed: control.Placed{Record: r, At: e.Offset}}
	f.gate.Add(p.Placed)
	f.behind = append(f.behind, p)
}

func (f *follower) release(ctx context.Context) {
	known := map[string]control.Standing{} // many records name the same log
	released := f.gate.Release(func(log string) control.Standing {
		standing, ok := known[log]
		if !ok {
			standing = f.node.standing(ctx, log)
			known[log] = standing
		}
		return standing
	})
	for _, r := range released {
		at, _ := slices.BinarySearchFunc(f.behind, r.At, func(p *placed, o geo.Offset) int { return cmp.Compare(p.At, o) })
		f.behind[at].free = true
	}
	for len(f.behind) > 0 && f.behind[0].free {
		f.node.book.Add(events.Event{Record: f.behind[0].Record, Origin: f.region, Offset: f.behind[0].At})
		f.behind = f.behind[1:]
	}
}

// standing is how far this region holds a log. While its broker does not answer
// it counts as not far enough. Nothing is waited for that may never come: a log
// that this region does not keep, or whose link is halted until a person comes.
func (n *Node) standing(ctx context.Context, stream string) control.Standing {
	id, err := geo.ParseCommitLog(stream)
	at := slices.IndexFunc(n.duties, func(d *duty) bool { return d.id == id })
	if err != nil || at < 0 {
		return control.Standing{}
	}
	if link := n.duties[at].link; link != nil && link.Status().State == mirror.StateHalted {
		return control.Standing{}
	}
	held, err := n.cluster().open(ctx, id)
	if err != nil {
		return control.Standing{Held: true}
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return control.Standing{Held: true}
	}
	return control.Standing{Held: true, Last: extent.Last, Epochs: extent.Epochs}
}
