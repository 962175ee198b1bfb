package wire

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
)

// Sub is a subscription.
type Sub struct {
	conn    *Conn
	sid     uint64
	handler func(*Msg)
}

// Subscribe has handler called for every message on subject (wildcards
// allowed), in order, on the read goroutine: see the package comment for what
// it may do. A permission that is missing is told to Config.OnError, not here.
// When Subscribe returns, the server has not necessarily seen it: messages
// published from this Conn afterwards are delivered; for those of others, Ping
// first.
func (c *Conn) Subscribe(subject string, handler func(*Msg)) (*Sub, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	sub := &Sub{conn: c, handler: handler}
	c.subs.add(sub)
	if err := c.out.control("SUB " + subject + " " + strconv.FormatUint(sub.sid, 10) + "\r\n"); err != nil {
		c.subs.remove(sub.sid)
		return nil, err
	}
	return sub, nil
}

// Unsubscribe stops the deliveries. A handler that is running on the read
// goroutine may end after Unsubscribe returned; no other call follows. It may
// be called from the handler, and again.
func (s *Sub) Unsubscribe() error {
	if !s.conn.subs.remove(s.sid) {
		return nil
	}
	return s.conn.out.control("UNSUB " + strconv.FormatUint(s.sid, 10) + "\r\n")
}

// subscriptions is read for every message and changed rarely, so the map is
// copied on each change and read without a lock.
type subscriptions struct {
	mu    sync.Mutex // held by writers
	last  uint64     // the last sid given out
	bySid atomic.Pointer[map[uint64]*Sub]
}

func (s *subscriptions) find(sid uint64) *Sub {
	if all := s.bySid.Load(); all != nil {
		return (*all)[sid]
	}
	return nil
}

func (s *subscriptions) add(sub *Sub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	sub.sid = s.last
	next := s.copied()
	next[sub.sid] = sub
	s.bySid.Store(&next)
}

func (s *subscriptions) remove(sid uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(sid) == nil {
		return false
	}
	next := s.copied()
	delete(next, sid)
	s.bySid.Store(&next)
	return true
}

func (s *subscriptions) copied() map[uint64]*Sub {
	if all := s.bySid.Load(); all != nil {
		return maps.Clone(*all)
	}
	return map[uint64]*Sub{}
}
