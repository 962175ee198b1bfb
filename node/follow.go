package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

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
// records into the book when the logs that they name have come as far here.
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
}

// read reads until something fails.
func (f *follower) read(ctx context.Context) error {
	held, err := f.node.cluster().Held(ctx, geo.ControlLog(f.region))
	if err != nil {
		return err
	}
	reader, err := held.Read(ctx, max(f.next, 1))
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
	f.gate.Add(control.Placed{Record: r, At: e.Offset})
}

func (f *follower) release(ctx context.Context) {
	for _, r := range f.gate.Release(func(log string) control.Standing { return f.node.standing(ctx, log) }) {
		f.node.book.Add(events.Event{Record: r.Record, Origin: f.region, Offset: r.At})
	}
}

// standing is how far this region holds a log. While its broker does not answer
// it counts as not far enough.
func (n *Node) standing(ctx context.Context, stream string) control.Standing {
	id, err := geo.ParseCommitLog(stream)
	if err != nil {
		return control.Standing{}
	}
	held, err := n.cluster().Held(ctx, id)
	if errors.Is(err, mirror.ErrNoLog) {
		return control.Standing{Held: n.wants(id)}
	}
	if err != nil {
		return control.Standing{Held: true}
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return control.Standing{Held: true}
	}
	return control.Standing{Held: true, Last: extent.Last, Epochs: extent.Epochs}
}

// wants tells whether this region keeps a log, or is going to.
func (n *Node) wants(id geo.CommitLog) bool {
	for _, d := range n.duties {
		if d.id == id {
			return true
		}
	}
	return false
}
