package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"geomq/client"
)

// record is one line of the input and what is to be done with it.
type record struct {
	line    int
	subject string
	body    []byte
	fault   *Fault // it is malformed
	blank   bool
	there   bool // the log has it
}

const (
	// A batch goes to the publisher when it has this many lines or bytes, or
	// when more would have to be waited for.
	batchLines = 128
	batchBytes = 64 << 10
)

// parser turns lines into records, on a goroutine of its own.
type parser struct {
	in    *input
	lines *lineReader
	topic string
	key   string
	from  int
	there *lineSet
	out   chan []record
	// err is why the input could not be read to its end; it is set before out
	// is closed.
	err error
}

// run fills out until the input ends or ctx does, then closes it.
func (p *parser) run(ctx context.Context) {
	defer close(p.out)
	var batch []record
	size := 0
	for line := 1; ; line++ {
		r, err := p.next(line)
		if err != nil {
			p.finish(ctx, batch, line, err)
			return
		}
		if r.line < p.from {
			continue
		}
		batch = append(batch, r)
		size += len(r.body)
		if len(batch) < batchLines && size < batchBytes && p.lines.ready() {
			continue
		}
		if !p.send(ctx, batch) {
			return
		}
		batch, size = nil, 0
	}
}

func (p *parser) send(ctx context.Context, batch []record) bool {
	select {
	case <-ctx.Done():
		p.err = ctx.Err()
		return false
	case p.out <- batch:
		return true
	}
}

// finish sends what is left, with the place where a compressed input broke.
func (p *parser) finish(ctx context.Context, batch []record, line int, err error) {
	if !errors.Is(err, io.EOF) {
		if detail, ok := p.in.damaged(err); ok {
			batch = append(batch, record{line: line, fault: &Fault{Line: line, Cause: Damaged, Detail: detail}})
		} else {
			p.err = fmt.Errorf("%w at line %d: %w", ErrInput, line, err)
		}
	}
	if len(batch) > 0 {
		p.send(ctx, batch)
	}
}

// next reads and judges one line.
func (p *parser) next(line int) (record, error) {
	text, length, err := p.lines.next()
	r := record{line: line}
	switch {
	case err != nil:
		return r, err
	case line < p.from:
		return r, nil
	case p.there.has(line):
		r.there = true
		return r, nil
	case text == nil && length > 0:
		r.fault = &Fault{line, TooLong, fmt.Sprintf("%s bytes, at most %s fit",
			client.Thousands(uint64(length)), client.Thousands(uint64(p.lines.limit)))}
		return r, nil
	case len(bytes.TrimSpace(text)) == 0:
		r.blank = true
		return r, nil
	case !isObject(text):
		r.fault = &Fault{line, NotAnObject, excerpt(text)}
		return r, nil
	}
	r.subject = p.topic
	if p.key != "" {
		key, detail := keyOf(text, p.key)
		if detail != "" {
			r.fault = &Fault{line, NoKey, detail}
			return r, nil
		}
		r.subject += "." + client.Token(key)
	}
	r.body = bytes.Clone(text)
	return r, nil
}

// excerpt is the beginning of a line in quotes.
func excerpt(text []byte) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
