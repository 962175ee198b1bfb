package mirror

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"geomq/geo"
)

// path is the way to the holder of one session. Nothing on it holds up the link:
// dialling and closing a connection that is dead may take long, and goes on by
// itself when the session is over.
type path struct {
	dialer Dialer
	holder geo.Region
	log    *slog.Logger
	start  time.Time       // of the link's run
	group  *sync.WaitGroup // of what goes on by itself
	heard  atomic.Int64    // when something came from the holder, counted from start; 0 is never
}

type dialled struct {
	conn Conn
	err  error
}

// open dials the holder and sends hello. It returns when ctx ends, at the latest.
func (p *path) open(ctx context.Context, hello []byte) (Conn, error) {
	result := make(chan dialled, 1)
	p.group.Go(func() {
		conn, err := p.dialer.Dial(ctx, p.holder, hello)
		result <- dialled{conn, err}
	})
	select {
	case d := <-result:
		if d.err != nil {
			return nil, d.err
		}
		return &pathConn{Conn: d.conn, path: p}, nil
	case <-ctx.Done():
		p.group.Go(func() {
			if d := <-result; d.err == nil {
				_ = d.conn.Close() // nobody has used it
			}
		})
		return nil, ctx.Err()
	}
}

// pathConn takes note of when the holder is heard.
type pathConn struct {
	Conn
	path *path
}

func (c *pathConn) Receive(ctx context.Context) ([]byte, error) {
	data, err := c.Conn.Receive(ctx)
	if err == nil {
		c.path.heard.Store(int64(time.Since(c.path.start)))
	}
	return data, err
}

// RoundTrip is 0 where the connection does not know.
func (c *pathConn) RoundTrip() time.Duration {
	if timed, ok := c.Conn.(RoundTripper); ok {
		return timed.RoundTrip()
	}
	return 0
}

func (c *pathConn) Close() error {
	c.path.group.Go(func() { _ = c.Conn.Close() }) // the session is over whatever it says
	return nil
}
