package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// silentIntervals is how many ping intervals without a byte end a Conn.
const silentIntervals = 3

// read decodes and dispatches until the connection ends, and returns why.
func (c *Conn) read() error {
	// The same op is used for every message: this is what keeps the path free
	// of allocations, and why a Msg is valid only during its handler.
	var o op
	silent := 0
	for {
		if err := c.in.next(&o); err != nil {
			return err
		}
		if o.kind == kindNone {
			if err := c.fill(&silent); err != nil {
				return err
			}
			continue
		}
		if err := c.handle(&o); err != nil {
			return err
		}
	}
}

// fill reads once. The deadline starts here, not at the last read: time that
// handlers took is no silence of the peer.
func (c *Conn) fill(silent *int) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.cfg.PingInterval)); err != nil {
		return c.readError(err)
	}
	n, err := c.conn.Read(c.in.free())
	c.in.add(n)
	switch {
	case n > 0 || err == nil:
		*silent = 0
		return nil
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return c.readError(err)
	}
	c.in.rest()
	*silent++
	if *silent >= silentIntervals {
		return fmt.Errorf("%w: server %q, nothing for %v", ErrSilent, c.server, silentIntervals*c.cfg.PingInterval)
	}
	return unlessClosing(c.pongs.ask(c.out, nil))
}

// unlessClosing lets reading go on while Close still writes out what is
// buffered and nothing can be added any more.
func unlessClosing(err error) error {
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

func (c *Conn) readError(err error) error {
	return fmt.Errorf("read from server %q: %w", c.server, err)
}

func (c *Conn) handle(o *op) error {
	switch o.kind {
	case kindMsg:
		if sub := c.subs.find(o.sid); sub != nil {
			sub.handler(&o.msg)
		}
	case kindPing:
		return unlessClosing(c.out.control("PONG\r\n"))
	case kindPong:
		c.pongs.answered()
	case kindInfo:
		return c.noteInfo(o.text)
	case kindErr:
		return c.noteError(&ServerError{Text: string(o.text)})
	}
	return nil
}

// noteInfo takes over an INFO that came later: limits may change by a reload,
// and a server announces there that it will shut down.
func (c *Conn) noteInfo(text []byte) error {
	old := c.info.Load()
	info := *old
	if err := json.Unmarshal(text, &info); err != nil {
		return fmt.Errorf("%w: INFO: %v", ErrProtocol, err)
	}
	c.in.maxMessage = max(c.cfg.MaxMessage, int(info.MaxPayload))
	c.info.Store(&info)
	if info.LameDuck && !old.LameDuck {
		c.cfg.Log.Info("server will shut down and asks its clients to leave", "server", c.server)
	}
	return nil
}

func (c *Conn) noteError(err *ServerError) error {
	if !err.concernsOneOperation() {
		return err
	}
	c.cfg.Log.Warn("server refused an operation", "server", c.server, "err", err)
	if c.cfg.OnError != nil {
		c.cfg.OnError(err)
	}
	return nil
}
