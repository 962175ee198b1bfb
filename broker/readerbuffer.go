package broker

import "geomq/broker/wire"

// How entries pass from the connection's goroutine, which fills segments, to the
// caller's, which is lent one at a time.

// swap takes back what was lent and lends the oldest segment.
func (r *Reader) swap() (*segment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveBack()
	switch {
	case len(r.full) > 0:
		r.lent = r.full[0]
		r.full = append(r.full[:0], r.full[1:]...)
	case len(r.filling.entries) > 0:
		r.lent, r.filling = r.filling, r.empty()
	default:
		r.waiting = true
		return nil, r.err
	}
	return r.lent, nil
}

// giveBack frees the window of what was lent and asks for more. Needs the lock.
func (r *Reader) giveBack() {
	if r.lent == nil {
		return
	}
	r.buffered -= r.lent.size
	r.lent.reset()
	r.free, r.lent = append(r.free, r.lent), nil
	r.ask()
}

// take stores a delivery. Needs the lock.
func (r *Reader) take(d delivery, m *wire.Msg, size int) {
	r.buffered += size
	r.filling.add(d, m.Subject, m.Header, m.Body, size)
	if r.filling.size >= r.segment {
		r.full = append(r.full, r.filling)
		r.filling = r.empty()
	}
	r.ring()
}

func (r *Reader) empty() *segment {
	if n := len(r.free); n > 0 {
		s := r.free[n-1]
		r.free = r.free[:n-1]
		return s
	}
	return &segment{}
}

// ring wakes a waiting Next. Needs the lock.
func (r *Reader) ring() {
	if r.waiting {
		r.waiting = false
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}
