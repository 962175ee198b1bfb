package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// watch follows the Directory and has every backend in it probed.
func (g *Gateway) watch(ctx context.Context) {
	probes := probes{gateway: g, running: map[Backend]context.CancelFunc{}}
	err := g.cfg.Directory.Watch(ctx, func(entries []Entry) {
		g.step(Listed{Entries: entries})
		probes.follow(ctx, entries)
	})
	if err != nil && ctx.Err() == nil {
		g.cfg.Log.Error("there is no more news of backends; the last list stays in force: restart the gateway when its cause is gone", "error", err)
		<-ctx.Done()
	}
	probes.group.Wait()
}

// probes are the probers of the backends that are listed.
type probes struct {
	gateway *Gateway
	running map[Backend]context.CancelFunc
	group   sync.WaitGroup
}

// follow starts probers of new backends and stops those of others.
func (p *probes) follow(ctx context.Context, entries []Entry) {
	listed := map[Backend]bool{}
	for _, e := range entries {
		listed[e.Backend] = true
	}
	for b, stop := range p.running {
		if !listed[b] {
			stop()
			delete(p.running, b)
		}
	}
	for b := range listed {
		if p.running[b] == nil {
			probing, stop := context.WithCancel(ctx)
			p.running[b] = stop
			p.start(probing, b)
		}
	}
}

func (p *probes) start(ctx context.Context, b Backend) {
	g := p.gateway
	tell := func(e Event) {
		if ctx.Err() == nil { // what a prober of before finds out is of no use
			g.step(e)
		}
	}
	dialer := dialer{timeout: g.cfg.DialTimeout, tls: g.cfg.TLS, probing: true, trusting: b.anonymous()}
	prober := &prober{backend: b, dialer: dialer, every: g.cfg.ProbeEvery, tell: tell}
	p.group.Go(func() { prober.run(ctx) })
	if b.Admin != "" {
		p.group.Go(func() { watchReady(ctx, b, tell) })
	}
}

// step tells the machine an event and does what follows.
func (g *Gateway) step(event Event) {
	g.mu.Lock()
	after := g.take(event)
	g.mu.Unlock()
	after()
}

// take is step under the lock; what it returns is done without.
func (g *Gateway) take(event Event) (after func()) {
	actions := g.machine.Step(time.Now(), event)
	if len(actions) == 0 {
		return func() {}
	}
	var todo []func()
	for _, action := range actions {
		switch a := action.(type) {
		case Close:
			todo = append(todo, g.dismiss(a)...)
		case Changed:
			g.count(a.Backend).became[a.To]++
			todo = append(todo, func() { g.say(a) })
			close(g.news)
			g.news = make(chan struct{})
		}
	}
	todo = append(todo, g.sayStranded())
	return func() {
		for _, do := range todo {
			do()
		}
	}
}

// dismiss picks the passages that have to end. Of one that is only being made just
// the attempt ends: its client has seen nothing and is taken elsewhere.
func (g *Gateway) dismiss(c Close) []func() {
	var todo []func()
	left := c.Count
	for p := range g.passages {
		if left == 0 {
			break
		}
		if p.backend != c.Backend || p.ending {
			continue
		}
		left--
		p.ending = true
		if p.giveUp != nil {
			p.giveUp()
			continue
		}
		todo = append(todo, func() { p.end(c.Cause) })
	}
	if count := c.Count - left; count > 0 {
		todo = append(todo, func() {
			g.cfg.Log.Debug("connections are closed, their clients will connect anew", "backend", c.Backend, "cause", c.Cause, "connections", count)
		})
	}
	return todo
}

// say tells people about a backend that is judged differently.
func (g *Gateway) say(c Changed) {
	level, text := slog.LevelInfo, ""
	switch c.To {
	case StateUp:
		if text = "backend serves"; c.From == StateDoubtful {
			level = slog.LevelDebug
		}
	case StateDoubtful, StateUnknown:
		level, text = slog.LevelDebug, "backend is in doubt; new clients go elsewhere first"
	case StateRecovering:
		text = "backend answers again and has to stay well for a while before clients go there"
	case StateUnready:
		level, text = slog.LevelWarn, "backend does not serve its logs; clients go elsewhere: see geomq status there"
	case StateRefusing:
		level, text = slog.LevelWarn, "backend refuses connections; clients go elsewhere: start it, or look why it stopped"
	case StateDead:
		level, text = slog.LevelWarn, "backend is dead; its clients go elsewhere: look whether it and the way to it live"
	case StateDraining:
		text = "backend is left; its clients go elsewhere one after the other"
	case StateLapsed, StateFenced:
		level, text = slog.LevelWarn, "backend must not be written to; all its connections are closed"
	}
	g.cfg.Log.Log(context.Background(), level, text, "backend", c.Backend, "from", c.From, "to", c.To, "why", c.Why)
}

// sayStranded tells once when no backend takes clients any more, and when one does.
func (g *Gateway) sayStranded() func() {
	stranded := !g.machine.Serves()
	if stranded == g.stranded {
		return func() {}
	}
	g.stranded = stranded
	return func() {
		if stranded {
			g.cfg.Log.Error("no backend serves: clients wait or are turned away until one does", "listen", g.Addr())
			return
		}
		g.cfg.Log.Info("a backend serves again", "listen", g.Addr())
	}
}
