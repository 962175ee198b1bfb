package node

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
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

// controlWriter writes this region's records into its control log. In a cluster
// every node writes its own: what others wrote since is read before each record.
type controlWriter struct {
	log   *slog.Logger
	queue chan queued

	// Of the goroutine that writes.
	waiting []queued              // taken out of queue, and not written yet
	offsets map[string]geo.Offset // where the last record of a key stands
	known   geo.Offset            // everything up to it is in latest and offsets

	mu     sync.Mutex // guards what follows, against others than that goroutine
	latest control.Latest
	learnt bool // latest has all that runs before this one wrote
}

// queued is a record to be written; written, if any, is closed when it is.
type queued struct {
	control.Record
	written chan struct{}
}

func newControlWriter(log *slog.Logger) *controlWriter {
	return &controlWriter{log: log, queue: make(chan queued, controlRoom), offsets: map[string]geo.Offset{}}
}

// put hands a record over; it never waits. What it returns is closed when the record
// is written.
func (w *controlWriter) put(r control.Record) (written <-chan struct{}) {
	q := queued{r, make(chan struct{})}
	select {
	case w.queue <- q:
	default:
		w.log.Error("the control log is not written: a record is lost", "kind", r.Kind, "text", r.Text)
	}
	return q.written
}

// last is what stands under a key; known is false until the control log was read.
func (w *controlWriter) last(key string) (r control.Record, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, _ = w.latest.Of(key)
	return r, w.learnt
}

// write brings records into the control log until ctx ends; what it could not
// write then is written first by the next call. Only the node that leads, if there
// are several, writes again what retention would forget.
func (w *controlWriter) write(ctx context.Context, held heldLog, leads func(context.Context) bool) {
	for w.learn(ctx, held) != nil {
		if !sleep(ctx, time.Second) {
			return
		}
	}
	ticker := time.NewTicker(againEvery)
	defer ticker.Stop()
	w.again(ctx, leads)
	for {
		w.writeWaiting(ctx, held)
		select {
		case <-ctx.Done():
			return
		case r := <-w.queue:
			w.waiting = append(w.waiting, r)
		case <-ticker.C:
			w.again(ctx, leads)
		}
	}
}

// again has written once more what is still true and old.
func (w *controlWriter) again(ctx context.Context, leads func(context.Context) bool) {
	if !leads(ctx) {
		return
	}
	for _, r := range w.latest.Due(time.Now(), controlAge) {
		w.waiting = append(w.waiting, queued{Record: r})
	}
}

// writeWaiting writes what waits until all of it is written or ctx ends.
func (w *controlWriter) writeWaiting(ctx context.Context, held heldLog) {
	for len(w.waiting) > 0 && ctx.Err() == nil {
		next := w.waiting[0]
		err := w.writeOne(ctx, held, next.Record)
		if err == nil {
			w.waiting = w.waiting[1:]
			if next.written != nil {
				close(next.written)
			}
			continue
		}
		if ctx.Err() == nil {
			w.log.Warn("could not write the control log, trying again", "error", err)
			sleep(ctx, time.Second)
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
	if err := w.learn(ctx, held); err != nil {
		return err
	}
	at := w.known + 1
	if err := w.append(ctx, held, at, r.Subject(), body); err != nil {
		return err
	}
	w.known = at
	return held.DeleteEntries(ctx, w.note(r, at, time.Now()))
}

// note takes in a record and returns where the one stands that it replaces. What
// was read before may come again, if reading broke off.
func (w *controlWriter) note(r control.Record, at geo.Offset, written time.Time) (replaced []geo.Offset) {
	switch before, ok := w.offsets[r.Key]; {
	case ok && before > at:
		return []geo.Offset{at}
	case ok && before < at:
		replaced = append(replaced, before)
	}
	w.mu.Lock()
	w.latest.Put(r, written)
	w.mu.Unlock()
	w.offsets[r.Key] = at
	return replaced
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

// learn takes in what the control log holds and this writer does not know: all of
// it at first, then what other nodes have written, or this one without hearing of
// it. Of two records with a key the first is taken out, as by who wrote the second.
func (w *controlWriter) learn(ctx context.Context, held heldLog) error {
	extent, err := held.Extent(ctx)
	if err != nil {
		return err
	}
	if extent.Last != w.known {
		err = w.read(ctx, held, extent)
	}
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.learnt = true
	}
	return err
}

// read is learn's.
func (w *controlWriter) read(ctx context.Context, held heldLog, extent geo.Extent) error {
	if extent.Last < w.known { // it was made anew
		w.offsets, w.known = map[string]geo.Offset{}, 0
		w.mu.Lock()
		w.latest = control.Latest{}
		w.mu.Unlock()
	}
	var replaced []geo.Offset
	for e, err := range entries(ctx, held, geo.Range{First: w.known + 1, Last: extent.Last}) {
		if err != nil {
			return err
		}
		r, err := control.Decode(e.Body)
		if err != nil {
			w.log.Warn("the control log holds what is no record", "offset", e.Offset, "error", err)
			continue
		}
		replaced = append(replaced, w.note(r, e.Offset, e.When())...)
	}
	if err := held.DeleteEntries(ctx, replaced); err != nil {
		return err
	}
	w.known = extent.Last
	return nil
}

// event records what happened in this region.
func (n *Node) event(r control.Record) (written <-chan struct{}) {
	r.Region, r.Node, r.At = n.cfg.Region, n.cfg.Node, time.Now().UTC()
	return n.control.put(r)
}

// event records what the log is doing now, in place of what it did before.
func (d *duty) event(kind control.Kind, text string) {
	d.node.event(control.Record{Kind: kind, Key: d.key(kind), Log: d.id.Stream(), Text: text})
}

// key names the state of the log in this region.
func (d *duty) key(kind control.Kind) string {
	return string(kind) + "/" + d.id.Stream() + "/" + string(d.node.cfg.Region)
}
