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
	mu      sync.Mutex // guards what follows
	nc      *nats.Conn
	dialing chan struct{} // closed when the connection is there or has failed; nil: nobody dials
	failed  time.Time
	err     error
}

// Ask implements mirror.Asker: it sends a question to any source of region to. All
// questions to a region share one connection, which is given up when one stays
// unanswered: a path that is cut shows by silence alone.
func (d *Dialer) Ask(ctx context.Context, to geo.Region, question []byte) ([]byte, error) {
	a := d.asking(to)
	nc, waited, err := a.connect(ctx, d, to)
	if err != nil {
		return nil, err
	}
	answer, err := nc.RequestWithContext(ctx, askSubject, question)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("ask %s: %w", to, mirror.ErrNoSource)
	}
	if err != nil {
		if !waited { // else the question had less time than the path may need
			a.giveUp(nc)
		}
		return nil, fmt.Errorf("ask %s: %w", to, err)
	}
	return answer.Data, nil
}

// Close ends the connections by which regions were asked; sessions have their
// own. Nobody asks any more.
func (d *Dialer) Close() {
	d.mu.Lock()
	asked := d.asked
	d.asked, d.closed = nil, true
	d.mu.Unlock()
	d.dialling.Wait()
	for _, a := range asked {
		a.giveUp(nil)
	}
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

// connect returns the connection, and whether it had to be waited for. A question that can't wait
// for that leaves it to those that follow: on a slow path it takes longer than a
// question may.
func (a *asking) connect(ctx context.Context, d *Dialer, to geo.Region) (nc *nats.Conn, waited bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nc != nil && !a.nc.IsClosed() {
		return a.nc, false, nil
	}
	if a.dialing == nil {
		if a.err != nil && time.Since(a.failed) < askAgain {
			return nil, false, a.err
		}
		a.dialing = make(chan struct{})
		d.dialling.Go(func() { a.dial(d, to) })
	}
	dialing := a.dialing
	a.mu.Unlock()
	select {
	case <-dialing:
	case <-ctx.Done():
	}
	a.mu.Lock()
	switch {
	case a.nc != nil:
		return a.nc, true, nil
	case a.dialing != nil:
		return nil, true, fmt.Errorf("connect to %s: %w", to, context.Cause(ctx))
	}
	return nil, true, a.err
}

// dial opens the connection, to whichever of the region's brokers answers.
func (a *asking) dial(d *Dialer, to geo.Region) {
	addresses := d.Addresses(to)
	err := fmt.Errorf("no node of region %s is known yet: check gossip.join there and here", to)
	var nc *nats.Conn
	for _, i := range rand.Perm(len(addresses)) {
		if d.isClosed() {
			break
		}
		if nc, err = d.connect(context.Background(), addresses[i]); err == nil {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nc, a.err, a.failed = nc, err, time.Now()
	close(a.dialing)
	a.dialing = nil
}

func (d *Dialer) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
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
