package natslink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
	"geomq/mirror"
)

const (
	askSubject = "geomq.ask"
	// askAgain is how long a region that could not be reached counts as
	// unreachable for all who ask meanwhile: many links ask at the same moment.
	askAgain = 300 * time.Millisecond
)

// asking is the connection by which one region is asked, kept between questions.
type asking struct {
	mu     sync.Mutex
	nc     *nats.Conn
	failed time.Time
	err    error
}

// Ask implements mirror.Asker: it sends a question to any source of region to. All
// questions to a region share one connection, which is given up when one stays
// unanswered: a path that is cut shows by silence alone.
func (d *Dialer) Ask(ctx context.Context, to geo.Region, question []byte) ([]byte, error) {
	a := d.asking(to)
	nc, err := a.connect(ctx, d, to)
	if err != nil {
		return nil, err
	}
	answer, err := nc.RequestWithContext(ctx, askSubject, question)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("ask %s: %w", to, mirror.ErrNoSource)
	}
	if err != nil {
		a.giveUp(nc)
		return nil, fmt.Errorf("ask %s: %w", to, err)
	}
	return answer.Data, nil
}

// Close ends the connections by which regions were asked; sessions have their
// own.
func (d *Dialer) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.asked {
		a.giveUp(nil)
	}
	d.asked = nil
}

func (d *Dialer) asking(to geo.Region) *asking {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = map[geo.Region]*asking{}
	}
	if d.asked[to] == nil {
		d.asked[to] = &asking{}
	}
	return d.asked[to]
}

// connect returns the connection, a new one if need be.
func (a *asking) connect(ctx context.Context, d *Dialer, to geo.Region) (*nats.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nc != nil && !a.nc.IsClosed() {
		return a.nc, nil
	}
	if a.err != nil && time.Since(a.failed) < askAgain {
		return nil, a.err
	}
	addresses := d.Addresses(to)
	a.err = fmt.Errorf("no node of region %s is known yet: check gossip.join there and here", to)
	for _, i := range rand.Perm(len(addresses)) {
		if a.nc, a.err = d.connect(ctx, addresses[i]); a.err == nil {
			return a.nc, nil
		}
	}
	a.failed = time.Now()
	return nil, a.err
}

// giveUp closes nc unless another has taken its place; nil closes whatever there
// is.
func (a *asking) giveUp(nc *nats.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nc != nil && (nc == nil || a.nc == nc) {
		a.nc.Close()
		a.nc = nil
	}
}
