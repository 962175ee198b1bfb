package natslink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/mirror"
)

const (
	openSubject = "geomq.open"
	prefix      = "geomq.l."
	toSink      = ".k"
	toSource    = ".s"
	queueGroup  = "source"
	// writePatience bounds how long a write may wait for a peer that takes
	// nothing; the connection is over then.
	writePatience = 3 * time.Second
	// queued is how many messages of a session wait for Receive at most, before
	// the session loses some and ends: twice the seals that come at once, or 24
	// seconds of frames. NATS' client takes 8 bytes for each from the start.
	queued = 8 << 10
	// drainPatience bounds how long the last message of a session may take.
	drainPatience = 500 * time.Millisecond
)

// conn is one side of a session. It implements mirror.Conn.
type conn struct {
	nats *nats.Conn
	sub  *nats.Subscription
	peer string // subject on which the other side listens
	// owned tells whether the connection ends with the session.
	owned bool
	// trip is the round trip to the server when the connection was opened.
	trip time.Duration
}

// RoundTrip implements mirror.RoundTripper.
func (c *conn) RoundTrip() time.Duration { return c.trip }

func open(nc *nats.Conn, listen, peer string, owned bool) (*conn, error) {
	sub, err := nc.SubscribeSync(listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the session: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("listen for the session: %w", err)
	}
	return &conn{nats: nc, sub: sub, peer: peer, owned: owned}, nil
}

// Send publishes data; NATS copies it. It waits for at most writePatience,
// whatever the context says: NATS' client knows no other limit for a write.
func (c *conn) Send(_ context.Context, data []byte) error {
	if err := c.nats.Publish(c.peer, data); err != nil {
		return fmt.Errorf("send %d bytes to %s: %w", len(data), c.nats.ConnectedUrlRedacted(), err)
	}
	return nil
}

func (c *conn) Receive(ctx context.Context) ([]byte, error) {
	m, err := c.sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, mirror.ErrNoSource
	case err != nil && c.nats.IsClosed():
		return nil, fmt.Errorf("connection to %s ended: %w", c.nats.ConnectedUrlRedacted(), errors.Join(err, c.nats.LastError()))
	case err != nil:
		return nil, err
	}
	return m.Data, nil
}

// Close lets what was sent reach the server, within a bound.
func (c *conn) Close() error {
	if !c.nats.IsClosed() {
		_ = c.sub.Unsubscribe() // fails only on a connection that is gone
		if c.owned {
			_ = c.nats.FlushTimeout(drainPatience) // the peer finds out by silence
		}
	}
	if c.owned {
		c.nats.Close()
	}
	return nil
}

// session takes the token out of a sink's subject.
func session(subject string) (token string, ok bool) {
	token, ok = strings.CutPrefix(subject, prefix)
	if !ok {
		return "", false
	}
	token, ok = strings.CutSuffix(token, toSink)
	return token, ok && token != "" && !strings.ContainsAny(token, ".*> \t\r\n")
}
