package broker

import (
	"fmt"
	"time"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

// send hands over one entry; last ends its batch. Needs sending.
func (a *Appender) send(e *entry.Entry, last bool) error {
	subject, header, body := e.Stored(a.header[:0])
	a.header = header[:0]
	return a.store(e.Offset, wire.Pub{Subject: subject, Header: header, Body: body}, last)
}

// store hands over what the stream is going to hold at an offset. Needs sending.
func (a *Appender) store(offset geo.Offset, p wire.Pub, last bool) error {
	p.Subject = append(a.subject[:len(a.ingest)], p.Subject...)
	a.subject = p.Subject[:len(a.ingest)]
	b, err := a.enter(offset, len(p.Subject)+len(p.Header)+len(p.Body), last)
	if err != nil {
		return err
	}
	switch {
	case a.way == batched:
		a.reply = appendReply(a.reply[:0], a.inbox, a.id, b.number, b.count(), operation(b))
	case b.ended:
		a.reply = appendPlainReply(a.reply[:0], a.inbox, a.id, b.number)
	default:
		a.reply = a.reply[:0]
	}
	a.next++
	p.Reply = a.reply
	return a.conn.PublishParts(p)
}

// operation is what the newest entry of b is to the server.
func operation(b *batch) int {
	switch {
	case b.ended:
		return opCommit
	case b.count() == 1:
		return opStart
	}
	return opAppend
}

// enter waits for room in the window and counts an offset into a batch, which is
// ended if it is full. An open batch is always far smaller than the window, so
// waiting for the ended ones is enough. Needs sending.
func (a *Appender) enter(offset geo.Offset, size int, last bool) (*batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && a.underWay > 0 && a.underWay+size > a.window {
		a.blocked = true
		a.changed.Wait()
	}
	a.blocked = false
	if a.err != nil {
		return nil, a.err
	}
	b := a.open
	if b == nil {
		a.opened++
		b = &batch{number: a.opened, first: offset}
		a.batches = append(a.batches, b)
		a.watchOver()
	}
	b.last = offset
	b.bytes += size
	a.underWay += size
	b.ended = last || b.count() >= a.way.most(b.number) || b.bytes >= a.window/batchShare
	if a.open = b; b.ended {
		a.open = nil
	}
	return b, nil
}

// endBatch asks for the ack of a batch that is still open.
func (a *Appender) endBatch() error {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.linger.Stop()
	b := a.open
	if b == nil {
		return a.Err()
	}
	a.open = nil
	a.mu.Lock()
	b.ended = true
	a.mu.Unlock()
	if a.way == chained {
		if err := a.probe(b); err != nil {
			return a.fail(err)
		}
		return nil
	}
	a.reply = appendReply(a.reply[:0], a.inbox, a.id, b.number, b.count()+1, opCommitEnd)
	subject := append(a.subject[:len(a.ingest)], "end"...)
	if err := a.conn.PublishParts(wire.Pub{Subject: subject, Reply: a.reply}); err != nil {
		return a.fail(err)
	}
	return nil
}

// endLingering runs when the entries that were promised didn't come.
func (a *Appender) endLingering() {
	// An error is the Appender's and kept there.
	_ = a.endBatch()
}

// watchOver starts the watchdog with the first thing under way. Needs mu.
func (a *Appender) watchOver() {
	if !a.watching {
		a.watching = true
		a.progress = time.Now()
		a.watchdog.Reset(ackPatience / 5)
	}
}

// watch ends an Appender that waits in vain, and rests where nothing is under
// way.
func (a *Appender) watch() {
	a.mu.Lock()
	idle, silence := len(a.batches) == 0, time.Since(a.progress)
	a.watching = !idle && a.err == nil
	if a.watching {
		a.watchdog.Reset(ackPatience / 5)
	}
	a.mu.Unlock()
	switch {
	case idle:
	case silence > ackPatience:
		a.fail(fmt.Errorf("%w: no ack for %v", ErrSilent, ackPatience))
	case silence > ackPatience/10 && a.way != single:
		a.ping()
	}
}

// ping asks for the oldest batch. A leader that was elected meanwhile may not
// know it, or have missed the end of it, and tells so only when asked.
func (a *Appender) ping() {
	quiet := a.sending.TryLock()
	if quiet {
		defer a.sending.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	// The ping must stand behind everything it asks for.
	if (!quiet && !a.blocked) || len(a.batches) == 0 || !a.batches[0].ended {
		return
	}
	b := a.batches[0]
	if a.way == chained {
		_ = a.probe(b) // as below
		return
	}
	reply := appendReply(nil, a.inbox, a.id, b.number, b.count(), opPing)
	// An error is the connection's end, which is noticed by itself.
	_ = a.conn.PublishParts(wire.Pub{Subject: []byte(a.ingest + "ping"), Reply: reply})
}
