package wire

import (
	"net"
	"sync"
	"time"
)

// writeChunk is how much one write deadline covers, so that a slow link with a
// full buffer is not taken for a stuck one.
const writeChunk = 256 << 10

// outbox collects bytes and writes them from one goroutine. While that goroutine
// is in a write, publishers fill the other of two buffers, so that writes grow
// with the load.
type outbox struct {
	conn    net.Conn
	limit   int           // bytes that may wait before publishers block
	timeout time.Duration // for each chunk

	mu       sync.Mutex
	filled   sync.Cond // signals the writer: pending is not empty, or it shall end
	drained  sync.Cond // signals publishers and flushers: bytes were written, or err is set
	pending  []byte
	spare    []byte // the other buffer, empty; nil while it is being written
	appended uint64 // bytes ever appended
	written  uint64 // bytes ever written
	closing  bool   // no more publishing; the writer ends once pending is empty
	err      error  // why nothing can be written any more
}

func newOutbox(conn net.Conn, limit int, timeout time.Duration) *outbox {
	ob := &outbox{conn: conn, limit: limit, timeout: timeout}
	ob.filled.L, ob.drained.L = &ob.mu, &ob.mu
	return ob
}

// publish appends a message, blocking while the buffer is full. A message above
// the limit is taken once the buffer is empty.
func publish[S string | []byte](ob *outbox, subject, reply S, header, body []byte) error {
	size := len(subject) + len(reply) + len(header) + len(body) + pubOverhead
	ob.mu.Lock()
	defer ob.mu.Unlock()
	for ob.err == nil && len(ob.pending) > 0 && len(ob.pending)+size > ob.limit {
		ob.drained.Wait()
	}
	if err := ob.refusal(); err != nil {
		return err
	}
	before := len(ob.pending)
	ob.pending = appendPub(ob.pending, subject, reply, header, body)
	ob.grown(before)
	return nil
}

// control appends a short command at once, whatever waits: the read goroutine
// must never block on the write side.
func (ob *outbox) control(command string) error {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if err := ob.refusal(); err != nil {
		return err
	}
	before := len(ob.pending)
	ob.pending = append(ob.pending, command...)
	ob.grown(before)
	return nil
}

// refusal says why nothing can be appended. Needs mu.
func (ob *outbox) refusal() error {
	if ob.err == nil && ob.closing {
		return ErrClosed
	}
	return ob.err
}

// grown accounts for an append and wakes the writer if it sleeps. Needs mu.
func (ob *outbox) grown(before int) {
	ob.appended += uint64(len(ob.pending) - before)
	if before == 0 {
		ob.filled.Signal()
	}
}

// flush blocks until what was appended before is in the socket.
func (ob *outbox) flush() error {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	for target := ob.appended; ob.err == nil && ob.written < target; {
		ob.drained.Wait()
	}
	return ob.err
}

// close lets the writer end once everything is written.
func (ob *outbox) close() {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	ob.closing = true
	ob.filled.Signal()
}

// fail lets the writer and all waiters end now.
func (ob *outbox) fail(err error) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if ob.err == nil {
		ob.err = err
	}
	ob.filled.Signal()
	ob.drained.Broadcast()
}

// run writes until close or fail, and returns the error of a failed write.
func (ob *outbox) run() error {
	for {
		batch := ob.take()
		if batch == nil {
			return nil
		}
		if err := ob.write(batch); err != nil {
			return err
		}
		ob.wrote(batch)
	}
}

// take waits for bytes and swaps the buffers; nil: the writer shall end.
func (ob *outbox) take() []byte {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	for ob.err == nil && len(ob.pending) == 0 && !ob.closing {
		ob.filled.Wait()
	}
	if ob.err != nil || len(ob.pending) == 0 {
		return nil
	}
	batch := ob.pending
	ob.pending, ob.spare = ob.spare, nil
	// The buffer is empty now: who waits for room can go on while this one is
	// being written.
	ob.drained.Broadcast()
	return batch
}

func (ob *outbox) write(batch []byte) error {
	for len(batch) > 0 {
		chunk := batch[:min(len(batch), writeChunk)]
		if err := ob.conn.SetWriteDeadline(time.Now().Add(ob.timeout)); err != nil {
			return err
		}
		if _, err := ob.conn.Write(chunk); err != nil {
			return err
		}
		batch = batch[len(chunk):]
	}
	return nil
}

// wrote gives the buffer back, unless one large message made it outsized.
func (ob *outbox) wrote(batch []byte) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	ob.written += uint64(len(batch))
	if cap(batch) <= 2*ob.limit {
		ob.spare = batch[:0]
	}
	ob.drained.Broadcast()
}

// unwritten returns the number of bytes that never reached the socket.
func (ob *outbox) unwritten() uint64 {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	return ob.appended - ob.written
}
