package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// prober keeps a connection to one backend and asks it for signs of life.
type prober struct {
	backend Backend
	dialer  dialer
	every   time.Duration
	tell    func(Event)
}

// run probes until ctx ends.
func (p *prober) run(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		f, err := p.dialer.dial(ctx, p.backend.NATS)
		switch {
		case ctx.Err() != nil:
		case refused(err):
			p.tell(Refused{Backend: p.backend.Name, Why: "nobody listens at " + p.backend.NATS})
		case err != nil:
			p.tell(Missed{Backend: p.backend.Name, Why: err.Error()})
		default:
			p.answered(f.took, f.info.LameDuck)
			p.keep(ctx, f)
		}
		if f != nil {
			f.tcp.Close()
		}
		wait(ctx, p.every-time.Since(began))
	}
}

func (p *prober) answered(trip time.Duration, leaving bool) {
	p.tell(Answered{Backend: p.backend.Name, RoundTrip: trip, Leaving: leaving})
}

// keep asks over one connection for as long as it answers. Where the server lets
// nobody in without credentials that the gateway hasn't got, its greeting is all
// that can be asked for, and keep returns at once; so it does when the connection
// is gone: a new one tells whether the backend is gone too.
func (p *prober) keep(ctx context.Context, f *far) {
	if f.mute || f.info.AuthRequired && p.backend.anonymous() {
		return
	}
	stop := context.AfterFunc(ctx, func() { f.tcp.Close() })
	defer stop()
	call := &call{conn: f.stream, lines: f.lines, leaving: f.info.LameDuck}
	if call.say(p.connect(), p.dialer.timeout) != nil {
		return
	}
	for ctx.Err() == nil {
		began := time.Now()
		if call.say([]byte("PING\r\n"), p.dialer.timeout) != nil || call.await(began.Add(2*p.every)) != nil {
			return
		}
		p.answered(time.Since(began), call.leaving)
		if call.listen(began.Add(p.every), func() { p.answered(0, true) }) != nil {
			return
		}
	}
}

// anonymous tells whether the gateway has no credentials for b.
func (b Backend) anonymous() bool { return b.User == "" && b.Token == "" }

// connect is the CONNECT line of a probe.
func (p *prober) connect() []byte {
	fields := map[string]any{
		"verbose": false, "pedantic": false, "lang": "go", "name": "geomq gateway probe", "protocol": 1,
	}
	switch {
	case p.backend.User != "":
		fields["user"], fields["pass"] = p.backend.User, p.backend.Password
	case p.backend.Token != "":
		fields["auth_token"] = p.backend.Token
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil // not with these types
	}
	return fmt.Appendf(nil, "CONNECT %s\r\n", text)
}

// call is a probe's connection.
type call struct {
	conn    net.Conn
	lines   lines
	leaving bool // the server has announced its end
	pong    bool // since the last await
}

func (c *call) say(text []byte, timeout time.Duration) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(text)
	return err
}

// await reads until PONG, or fails at the deadline.
func (c *call) await(deadline time.Time) error {
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	for c.pong = false; !c.pong; {
		if err := c.hear(); err != nil {
			return err
		}
	}
	return nil
}

// listen reads until the deadline, which is no failure: a connection that breaks
// tells of a death before the next PING does. leaving is called when the server
// announces its end.
func (c *call) listen(deadline time.Time, leaving func()) error {
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	for {
		knew := c.leaving
		err := c.hear()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.leaving && !knew {
			leaving()
		}
	}
}

// hear takes one line from the server.
func (c *call) hear() error {
	line, err := c.lines.next()
	if err != nil {
		return err
	}
	switch text := bytes.TrimSpace(line); {
	case bytes.EqualFold(text, []byte("PONG")):
		c.pong = true
	case bytes.EqualFold(text, []byte("PING")):
		return c.say([]byte("PONG\r\n"), time.Second)
	case bytes.HasPrefix(text, []byte("-ERR")):
		return fmt.Errorf("the server says %s", shown(text))
	default:
		if i, err := parseInfo(line); err == nil {
			c.leaving = i.LameDuck
		}
	}
	return nil
}

// wait sleeps for d; it is false when ctx has ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
