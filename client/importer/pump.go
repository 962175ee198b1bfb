package importer

import (
	"context"
	"io"
)

const pumpBuffer = 64 << 10

// pump lets a context end the reading of something whose Read may block for
// ever, a terminal for instance. The goroutine that reads is the one thing of a
// run that may outlive it: nothing can end it but the Read it waits in.
type pump struct {
	ctx    context.Context
	chunks chan chunk
	rest   []byte
	err    error
}

type chunk struct {
	data []byte
	err  error
}

func newPump(ctx context.Context, r io.Reader) *pump {
	p := &pump{ctx: ctx, chunks: make(chan chunk, 1)}
	go p.run(r)
	return p
}

func (p *pump) run(r io.Reader) {
	for {
		buffer := make([]byte, pumpBuffer)
		n, err := r.Read(buffer)
		select {
		case <-p.ctx.Done():
			return
		case p.chunks <- chunk{buffer[:n], err}:
		}
		if err != nil {
			return
		}
	}
}

func (p *pump) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		select {
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		case c := <-p.chunks:
			p.rest, p.err = c.data, c.err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
