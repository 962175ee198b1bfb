package natslink

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"geomq/geo"
	"geomq/mirror"
)

// Dialer opens sessions into other regions and asks them where logs stand. It is
// safe for concurrent use.
type Dialer struct {
	// Name is shown by the server dialled, e.g. "eu-west-1".
	Name string
	// User and Password are those of links in every region.
	User, Password string
	// Addresses lists the brokers of a region, as host:port or URL.
	Addresses func(geo.Region) []string

	dialling sync.WaitGroup // connections to ask by

	mu     sync.Mutex // guards what follows
	asked  map[geo.Region]*asking
	closed bool
}

// Dial connects to any broker of region to and sends hello to its sources.
func (d *Dialer) Dial(ctx context.Context, to geo.Region, hello []byte) (mirror.Conn, error) {
	addresses := d.Addresses(to)
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no node of region %s is known yet: check gossip.join there and here", to)
	}
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	var lost error
	for _, address := range addresses {
		nc, err := d.connect(ctx, address)
		if err != nil {
			lost = fmt.Errorf("connect to %s in %s: %w", address, to, err)
			continue
		}
		return begin(nc, hello)
	}
	return nil, lost
}

func (d *Dialer) connect(ctx context.Context, address string) (*nats.Conn, error) {
	timeout := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	if timeout <= 0 {
		return nil, context.DeadlineExceeded
	}
	return nats.Connect(address, nats.Name("geomq link "+d.Name), nats.UserInfo(d.User, d.Password),
		nats.Timeout(timeout), nats.FlusherTimeout(writePatience), nats.NoReconnect(), nats.SyncQueueLen(queued), nats.DontRandomize(), nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // errors come back from Receive
}

// begin times the way behind the hello, so that the answer is on its way already.
func begin(nc *nats.Conn, hello []byte) (mirror.Conn, error) {
	token := uuid.NewString()
	inbox := prefix + token + toSink
	c, err := open(nc, inbox, prefix+token+toSource, true)
	if err != nil {
		nc.Close()
		return nil, err
	}
	if err := nc.PublishRequest(openSubject, inbox, hello); err != nil {
		c.Close()
		return nil, fmt.Errorf("ask for a session: %w", err)
	}
	if c.trip, err = nc.RTT(); err != nil {
		c.Close()
		return nil, fmt.Errorf("time the way to %s: %w", nc.ConnectedUrlRedacted(), err)
	}
	return c, nil
}
