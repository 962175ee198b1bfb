package geotest

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxUnderWay is how many reads of one direction may be on their way; then the
// sender has to wait, as behind a full window.
const maxUnderWay = 1024

// call is one connection through a Proxy: two of TCP.
type call struct {
	proxy *Proxy
	// conns are the near and the far one: direction d leads from conns[d] to the
	// other.
	conns [2]*net.TCPConn
	// lost tells for each direction whether bytes are missing in it: then nothing
	// that comes later can arrive, and the end of the stream neither.
	lost  [2]atomic.Bool
	ended chan struct{}
	once  sync.Once
	// tape keeps what was sent, or is nil.
	tape *Tape
}

// chunk is what one read brought and when it arrives.
type chunk struct {
	data []byte
	due  time.Time
}

// run passes bytes until both directions have ended, then closes.
func (c *call) run() {
	var both sync.WaitGroup
	for _, d := range []direction{upward, downward} {
		way := make(chan chunk, maxUnderWay)
		both.Go(func() { c.take(d, way) })
		both.Go(func() { c.deliver(d, way) })
	}
	both.Wait()
	c.end()
}

// reset ends both connections by a RST.
func (c *call) reset() {
	for _, conn := range c.conns {
		_ = conn.SetLinger(0) // fails only on a connection that is gone
	}
	c.end()
}

// forget ends one connection by a RST and leaves the other one silent until its
// own end closes it.
func (c *call) forget(end int) {
	c.lost[upward].Store(true)
	c.lost[downward].Store(true)
	_ = c.conns[end].SetLinger(0) // fails only on a connection that is gone
	c.conns[end].Close()
}

func (c *call) end() {
	c.once.Do(func() {
		close(c.ended)
		for _, conn := range c.conns {
			conn.Close()
		}
	})
}

// take reads what one side sends and puts it on its way.
func (c *call) take(d direction, way chan<- chunk) {
	defer close(way)
	for {
		data := make([]byte, 32<<10)
		n, err := c.conns[d].Read(data)
		c.tape.keep(d, data[:n])
		w := c.proxy.now()
		if w.lose[d] {
			c.lost[d].Store(true)
		}
		if n > 0 && !c.lost[d].Load() {
			select {
			case way <- chunk{data[:n], time.Now().Add(w.delay)}:
			case <-c.ended:
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !c.lost[d].Load() {
				c.reset() // as the sender did
			}
			return
		}
	}
}

// deliver writes what is due to the other side, and then the stream's end.
func (c *call) deliver(d direction, way <-chan chunk) {
	to := c.conns[1-d]
	for next := range way {
		if !c.wait(time.Until(next.due)) {
			continue // the call has ended; take closes the way
		}
		if c.lost[d].Load() {
			continue
		}
		if err := c.write(to, next.data); err != nil {
			c.stop(d)
		}
	}
	if !c.lost[d].Load() {
		_ = to.CloseWrite() // fails only on a connection that is gone
	}
}

// stop ends the call because the receiver is gone, unless the sender can't be
// told.
func (c *call) stop(d direction) {
	if c.lost[1-d].Load() {
		c.lost[d].Store(true)
		return
	}
	c.reset()
}

// write writes data in the slices and at the rate of the day.
func (c *call) write(to *net.TCPConn, data []byte) error {
	for len(data) > 0 {
		w := c.proxy.now()
		n := len(data)
		if w.slice > 0 {
			n = min(n, w.slice)
		}
		if w.rate > 0 {
			n = min(n, max(w.rate/50, 1))
			if !c.wait(time.Duration(n) * time.Second / time.Duration(w.rate)) {
				return net.ErrClosed
			}
		}
		if _, err := to.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// wait waits for d and tells whether the call goes on.
func (c *call) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ended:
		return false
	}
}
