package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"geomq/broker"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
)

const (
	// controlRoom is how many records wait for the control log; while its broker
	// is away the newest are dropped, and said so.
	controlRoom = 4096
	// againEvery is how often records are looked for that must be written again.
	againEvery = time.Hour
)

// controlWriter writes this region's records into its control log.
type controlWriter struct {
	log     *slog.Logger
	queue   chan control.Record
	latest  control.Latest
	offsets map[string]geo.Offset // where the last record of a key stands
}

func newControlWriter(log *slog.Logger) *controlWriter {
	return &controlWriter{log: log, queue: make(chan control.Record, controlRoom), offsets: map[string]geo.Offset{}}
}

// put hands a record over; it never waits.
func (w *controlWriter) put(r control.Record) {
	select {
	case w.queue <- r:
	default:
		w.log.Error("the control log is not written: a record is lost", "kind", r.Kind, "text", r.Text)
	}
}

// write brings records into the control log until ctx ends. A record that could
// not be written is written again; it may then stand there twice.
func (w *controlWriter) write(ctx context.Context, held heldLog) {
	for w.load(ctx, held) != nil {
		if !sleep(ctx, time.Second) {
			return
		}
	}
	ticker := time.NewTicker(againEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case r := <-w.queue:
			w.writeUntilDone(ctx, held, r)
		case <-ticker.C:
			for _, r := range w.latest.Due(time.Now(), controlAge) {
				w.writeUntilDone(ctx, held, r)
			}
		}
	}
}

func (w *controlWriter) writeUntilDone(ctx context.Context, held heldLog, r control.Record) {
	for {
		err := w.writeOne(ctx, held, r)
		if err == nil || ctx.Err() != nil {
			return
		}
		w.log.Warn("could not write the control log, trying again", "error", err)
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

// writeOne returns when the record is on disk, and takes out the one that it
// replaces.
func (w *controlWriter) writeOne(ctx context.Context, held heldLog, r control.Record) error {
	body, err := r.Encode()
	if err != nil {
		w.log.Error("a record can't be written", "kind", r.Kind, "error", err)
		return nil
	}
	extent, err := held.Extent(ctx)
	if err != nil {
		return err
	}
	at := extent.Last + 1
	if err := w.append(ctx, held, at, r.Subject(), body); err != nil {
		return err
	}
	w.latest.Put(r, time.Now())
	before, replaced := w.offsets[r.Key]
	w.offsets[r.Key] = at
	if !replaced {
		return nil
	}
	return held.DeleteEntries(ctx, []geo.Offset{before})
}

func (w *controlWriter) append(ctx context.Context, held heldLog, at geo.Offset, subject string, body []byte) error {
	appender, err := held.Appender(ctx, broker.AppendConfig{Last: at - 1})
	if err != nil {
		return err
	}
	defer appender.Close()
	e := entry.Entry{Offset: at, Time: time.Now().UnixNano(), Subject: []byte(subject), Body: body}
	if err := appender.Append(ctx, []entry.Entry{e}, false); err != nil {
		return err
	}
	if err := appender.Settle(ctx); err != nil {
		return err
	}
	if err := held.Flush(ctx); err != nil {
		return fmt.Errorf("bring record %d to the disk: %w", at, err)
	}
	return nil
}

// load learns what the control log holds already.
func (w *controlWriter) load(ctx context.Context, held heldLog) error {
	extent, err := held.Extent(ctx)
	if err != nil {
		return err
	}
	for e, err := range entries(ctx, held, extent.Range()) {
		if err != nil {
			return err
		}
		r, err := control.Decode(e.Body)
		if err != nil {
			w.log.Warn("the control log holds what is no record", "offset", e.Offset, "error", err)
			continue
		}
		w.latest.Put(r, e.When())
		w.offsets[r.Key] = e.Offset
	}
	return nil
}

// event records what happened in this region.
func (n *Node) event(r control.Record) {
	r.Region, r.Node, r.At = n.cfg.Region, n.cfg.Node, time.Now().UTC()
	n.control.put(r)
}

// event records what the log is doing now, in place of what it did before.
func (d *duty) event(kind control.Kind, text string) {
	d.node.event(control.Record{Kind: kind, Key: d.key(kind), Log: d.id.Stream(), Text: text})
}

// key names the state of the log in this region.
func (d *duty) key(kind control.Kind) string {
	return string(kind) + "/" + d.id.Stream() + "/" + string(d.node.cfg.Region)
}
