package broker

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"geomq/broker/wire"
)

const (
	// pulls is how many requests share a Reader's window: while the caller works
	// on what one brought, the others keep the server busy.
	pulls = 4
	// overhead is what a message may count beyond the server's max_payload: its
	// subject and ack subject.
	overhead = maxControlLine + 512
	// heartbeat is how often the server says that it is still there.
	heartbeat = 5 * time.Second
	// patience is how many heartbeats may be missed.
	patience = 2
	// pullExpires is how long an idle request waits before it is renewed.
	pullExpires = 2 * time.Minute
	// consumerExpires is how long a Reader that asks for nothing, because its
	// window is full, keeps its consumer.
	consumerExpires = 10 * time.Minute
)

// pull is one of a Reader's standing requests. The Reader's lock guards it.
type pull struct {
	reader *Reader
	inbox  string
	open   bool
	left   int // bytes that the server may still send for it
}

// Codes in the status line of a message without content.
const (
	statusHeartbeat = 100
	statusTimeout   = 408
	statusConflict  = 409
)

// Descriptions that go with statusConflict and just end the request.
const (
	requestFull = "Message Size Exceeds MaxBytes"
	requestDone = "Batch Completed"
)

// on is called on the connection's read goroutine for everything that comes for
// the request.
func (p *pull) on(m *wire.Msg) {
	r := p.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signs++
	if r.err != nil {
		return
	}
	if len(m.Reply) == 0 {
		p.status(m)
		return
	}
	p.message(m)
}

var fillerSubject = []byte(fillerPrefix)

// message takes an entry, and passes over what isn't one. Needs the Reader's lock.
func (p *pull) message(m *wire.Msg) {
	r := p.reader
	d, ok := parseDelivery(m.Reply)
	if !ok {
		r.fail(fmt.Errorf("%w: the server sent an ack subject %q", ErrReader, m.Reply))
		return
	}
	if d.consumer != r.consumerSeq+1 || d.stream <= r.streamSeq {
		r.fail(fmt.Errorf("%w: delivery %d of offset %d came behind delivery %d of offset %d",
			ErrReadGap, d.consumer, d.stream, r.consumerSeq, r.streamSeq))
		return
	}
	r.consumerSeq, r.streamSeq = d.consumer, d.stream
	size := len(m.Subject) + len(m.Reply) + len(m.Header) + len(m.Body)
	if p.left -= size; p.left <= 0 {
		p.open, p.left = false, 0
	}
	if r.pending = d.pending; !bytes.HasPrefix(m.Subject, fillerSubject) {
		r.take(d, m, size)
	}
	if !p.open {
		r.ask()
	}
}

// status handles a message without content. Needs the Reader's lock.
func (p *pull) status(m *wire.Msg) {
	r := p.reader
	code, description := m.Status()
	switch {
	case code == statusHeartbeat:
		return
	case code == statusConflict && description == requestFull && p.left == r.quota:
		// Not even one message fitted: it is older than today's max_payload.
		r.quota *= 2
	case code == statusTimeout, code == statusConflict && (description == requestFull || description == requestDone):
	default:
		r.fail(fmt.Errorf("%w: the server says %d %s", ErrReader, code, description))
		return
	}
	p.open, p.left = false, 0
	r.ask()
}

// ask renews requests as far as the window allows. Needs the lock.
func (r *Reader) ask() {
	for i := range r.pulls {
		p := &r.pulls[i]
		if r.err != nil || p.open {
			continue
		}
		underWay := r.buffered
		for j := range r.pulls {
			underWay += r.pulls[j].left
		}
		if underWay > 0 && underWay+r.quota > r.window {
			return
		}
		p.open, p.left = true, r.quota
		if err := r.conn.Publish(r.next, p.inbox, nil, r.request()); err != nil {
			r.fail(fmt.Errorf("%w: %w", ErrReader, err))
		}
	}
}

func (r *Reader) request() []byte {
	// The bytes must run out before the count does: at that the server says
	// nothing. Every message counts more than these 32 with its ack subject alone.
	b := append(make([]byte, 0, 128), `{"batch":`...)
	b = strconv.AppendInt(b, int64(r.quota/32+1), 10)
	b = append(b, `,"max_bytes":`...)
	b = strconv.AppendInt(b, int64(r.quota), 10)
	b = append(b, `,"expires":`...)
	b = strconv.AppendInt(b, int64(pullExpires), 10)
	b = append(b, `,"idle_heartbeat":`...)
	b = strconv.AppendInt(b, int64(heartbeat), 10)
	return append(b, '}')
}
