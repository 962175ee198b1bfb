package client

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	dialTimeout = 5 * time.Second
	// A default NATS client notices a dead path after four minutes; with these
	// it takes half a minute.
	pingInterval  = 10 * time.Second
	maxPingsOut   = 2
	reconnectWait = 100 * time.Millisecond
)

// Connect opens a connection the way geomq's tools use them: it comes back for
// ever after an outage, and nothing is buffered during one, so that a publish
// fails at once instead of arriving at some later time. name is what the broker
// shows for it; options come last and win. The error wraps ErrUnreachable.
func Connect(url, name string, options ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.Name(name),
		nats.Timeout(dialTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOut),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1),
		// A broker that has just started may let nobody in until its logs are
		// open; nats.go would give up at the second refusal.
		nats.IgnoreAuthErrorAbort(),
	}, options...)
	nc, err := nats.Connect(url, all...)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w; is the region up?", ErrUnreachable, url, err)
	}
	return nc, nil
}
