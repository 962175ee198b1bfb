package main

import (
	"time"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
)

// orderProgress shows on stderr what an order is doing: the step at hand on a
// terminal, a line every few seconds elsewhere.
type orderProgress struct {
	a    *app
	live *term.Live
	told time.Time
}

func newOrderProgress(a *app) *orderProgress {
	p := &orderProgress{a: a, told: a.now()}
	if a.err.Terminal {
		p.live = term.NewLive(a.err)
	}
	return p
}

func (p *orderProgress) show(s admin.Step) {
	if s.State == admin.StepPlanned {
		return
	}
	text := term.Clean(s.Name) + ": " + string(s.State)
	if s.Total > 0 {
		text += ", " + stepCount(s)
	}
	now := p.a.now()
	switch {
	case p.live != nil:
		p.live.Show(text)
	case now.Sub(p.told) >= plainEvery:
		p.told = now
		p.a.notice("%s", text)
	}
}

func (p *orderProgress) clear() {
	if p.live != nil {
		p.live.Clear()
	}
}
