package gateway

import (
	"context"
	"errors"
	"slices"
	"time"
)

// tryAgain is when a client that waits is taken round again although nothing is
// known to have changed: what failed may have been but this one attempt.
const tryAgain = 250 * time.Millisecond

// enter finds a backend for p and connects to it. Where none serves it waits for
// one, for Config.Patience.
func (g *Gateway) enter(ctx context.Context, p *passage) (*far, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Patience+g.cfg.DialTimeout)
	defer cancel()
	patience := time.NewTimer(g.cfg.Patience)
	defer patience.Stop()
	for {
		news := g.awaitNews()
		f, err := g.tryAll(ctx, p)
		if f != nil || errors.Is(err, errEnded) {
			return f, err
		}
		select {
		case <-news:
		case <-time.After(tryAgain):
		case <-patience.C:
			return nil, errNoBackend
		case <-ctx.Done():
			return nil, errNoBackend
		}
	}
}

// awaitNews is closed when a backend is judged differently.
func (g *Gateway) awaitNews() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.news
}

// tryAll tries every backend once, the best first.
func (g *Gateway) tryAll(ctx context.Context, p *passage) (*far, error) {
	var tried []string
	for ctx.Err() == nil {
		dialing, cancel := context.WithCancel(ctx)
		b, ok := g.reserve(p, tried, cancel)
		if !ok {
			cancel()
			return nil, errNoBackend
		}
		f, err := g.dialer.dial(dialing, b.NATS)
		cancel()
		if err == nil && g.settled(p) {
			g.keepAlive(f.tcp)
			return f, nil
		}
		if f != nil {
			f.tcp.Close()
		}
		g.release(p, b, err)
		if p.over() {
			return nil, errEnded
		}
		tried = append(tried, b.Name)
	}
	return nil, errNoBackend
}

// reserve chooses a backend that was not tried yet. The connection counts from now
// on, so that many clients who come at once are spread.
func (g *Gateway) reserve(p *passage, tried []string, giveUp context.CancelFunc) (Backend, bool) {
	g.mu.Lock()
	for _, b := range g.machine.Choose() {
		if slices.Contains(tried, b.Name) {
			continue
		}
		p.backend, p.giveUp = b.Name, giveUp
		after := g.take(Opened{Backend: b.Name})
		g.mu.Unlock()
		after()
		return b, true
	}
	g.mu.Unlock()
	return Backend{}, false
}

// settled ends the attempt; it is false where the machine wants the connection to
// end before it has begun.
func (g *Gateway) settled(p *passage) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.ending {
		return false
	}
	p.giveUp = nil
	g.count(p.backend).opened++
	return true
}

// release gives back what reserve has taken, err being why.
func (g *Gateway) release(p *passage, b Backend, err error) {
	g.mu.Lock()
	called := p.ending || p.over()
	p.backend, p.ending, p.giveUp = "", false, nil
	after := g.take(Closed{Backend: b.Name})
	if err != nil && !called {
		g.count(b.Name).failed++
		later := g.take(failure(b, err))
		first := after
		after = func() { first(); later() }
	}
	g.mu.Unlock()
	after()
}

func failure(b Backend, err error) Event {
	if refused(err) {
		return Refused{Backend: b.Name, Why: "nobody listens at " + b.NATS}
	}
	return Missed{Backend: b.Name, Why: err.Error()}
}

// over tells whether the passage has been ended.
func (p *passage) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// enrol adds a passage, if there is room for it.
func (g *Gateway) enrol(p *passage) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.passages) >= g.cfg.MaxConnections {
		g.closed[CauseLimit]++
		if !g.full {
			g.cfg.Log.Warn("as many connections are open as may be; more are turned away: raise max_connections or add a gateway",
				"listen", g.Addr(), "connections", len(g.passages))
		}
		g.full = true
		return false
	}
	g.full = g.full && len(g.passages) >= g.cfg.MaxConnections*9/10
	g.passages[p] = struct{}{}
	return true
}

// strike removes a passage that has ended, and counts why.
func (g *Gateway) strike(p *passage) {
	g.mu.Lock()
	delete(g.passages, p)
	p.mu.Lock()
	cause := p.cause
	p.mu.Unlock()
	after := func() {}
	if p.backend == "" {
		g.closed[cause]++
	} else {
		g.count(p.backend).closed[cause]++
		after = g.take(Closed{Backend: p.backend})
	}
	g.mu.Unlock()
	after()
}
