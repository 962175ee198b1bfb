package mirror

import "sync"

// queue hands items from one goroutine to another without ever making the giver
// wait; what bounds it is the credit of the session that uses it.
type queue[T any] struct {
	mu     sync.Mutex
	ready  sync.Cond // on mu: items or closed
	items  []T
	closed bool
}

func newQueue[T any]() *queue[T] {
	q := &queue[T]{}
	q.ready.L = &q.mu
	return q
}

func (q *queue[T]) put(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item)
	q.ready.Signal()
}

// take waits for the next item. more tells whether others wait behind it; ok is
// false when the queue has been closed, items left in it are dropped.
func (q *queue[T]) take() (item T, more, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return item, false, false
	}
	item = q.items[0]
	var zero T
	q.items[0] = zero
	q.items = q.items[1:]
	return item, len(q.items) > 0, true
}

func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ready.Broadcast()
}
