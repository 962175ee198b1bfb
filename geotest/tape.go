package geotest

import (
	"bytes"
	"slices"
	"sync"
)

// Tape is what one connection through a Proxy carried, as somebody on the path
// could have recorded it. It is safe for concurrent use.
type Tape struct {
	mu   sync.Mutex
	sent [2]bytes.Buffer // by direction
}

func (t *Tape) keep(d direction, data []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent[d].Write(data)
}

// Up is what the one who connected has sent so far, Down what came back.
func (t *Tape) Up() []byte { return t.copy(upward) }

// Down is what the one who connected has been sent so far.
func (t *Tape) Down() []byte { return t.copy(downward) }

func (t *Tape) copy(d direction) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.sent[d].Bytes())
}

// Capture keeps what all connections from now on carry. The function that it
// returns ends that, and gives one Tape for each of them.
func (p *Proxy) Capture() (end func() []*Tape) {
	tapes := new([]*Tape)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tapes = tapes
	return func() []*Tape {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.tapes == tapes {
			p.tapes = nil
		}
		return slices.Clone(*tapes)
	}
}
