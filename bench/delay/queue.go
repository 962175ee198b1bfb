package delay

import (
	"io"
	"sync"
	"time"
)

const (
	// chunkSize is how much is read at once.
	chunkSize = 64 << 10
	// maxWaiting bounds the bytes under way in one direction; it is more than a
	// link of 5 Gbit/s carries in 80 ms.
	maxWaiting = 64 << 20
	// spares is how many buffers are kept for reuse.
	spares = 64
)

// queue is one direction of a connection: chunks and when each is due.
type queue struct {
	delay time.Duration

	mu      sync.Mutex
	changed sync.Cond
	chunks  []chunk
	waiting int // bytes in chunks
	free    [][]byte
	ended   bool // nothing is put any more
	broken  bool // nothing is taken any more
}

type chunk struct {
	data []byte
	due  time.Time
}

func newQueue(delay time.Duration) *queue {
	q := &queue{delay: delay}
	q.changed.L = &q.mu
	return q
}

// buffer is one to read into, for put.
func (q *queue) buffer() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.free); n > 0 {
		b := q.free[n-1]
		q.free = q.free[:n-1]
		return b[:chunkSize]
	}
	return make([]byte, chunkSize)
}

// put adds a chunk, after waiting for room; false: nothing is taken any more.
func (q *queue) put(data []byte) bool {
	due := time.Now().Add(q.delay)
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.waiting > maxWaiting && !q.broken {
		q.changed.Wait()
	}
	q.chunks = append(q.chunks, chunk{data, due})
	q.waiting += len(data)
	q.changed.Broadcast()
	return !q.broken
}

// end says that nothing follows.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

// drain writes each chunk when it is due; false: to takes nothing any more.
func (q *queue) drain(to io.Writer) bool {
	for {
		c, ok := q.take()
		if !ok {
			return true
		}
		if wait := time.Until(c.due); wait > 0 {
			<-time.After(wait)
		}
		if _, err := to.Write(c.data); err != nil {
			q.abandon()
			return false
		}
		q.recycle(c.data)
	}
}

// take waits for the next chunk; false: there will be none.
func (q *queue) take() (chunk, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.ended {
		q.changed.Wait()
	}
	if len(q.chunks) == 0 {
		return chunk{}, false
	}
	c := q.chunks[0]
	q.chunks[0] = chunk{}
	q.chunks = q.chunks[1:]
	return c, true
}

func (q *queue) recycle(data []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting -= len(data)
	if len(q.free) < spares {
		q.free = append(q.free, data)
	}
	q.changed.Broadcast()
}

func (q *queue) abandon() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = true
	q.changed.Broadcast()
}
