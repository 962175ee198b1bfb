package broker

import (
	"errors"
	"fmt"
	"time"

	"geomq/broker/wire"
	"geomq/geo"
)

// onAnswer is called on the connection's read goroutine with everything the
// server says about batches, in its order.
func (a *Appender) onAnswer(m *wire.Msg) {
	if code, description := m.Status(); code != 0 {
		a.fail(a.unheard(code, description))
		return
	}
	number, probed, ok := batchNumber(m.Subject[len(a.inbox)+1:])
	if !ok {
		return
	}
	said, err := parseAnswer(m.Body)
	if err != nil {
		a.fail(err)
		return
	}
	judge := a.judge
	if probed {
		judge = a.judgeProbe
	}
	applied, err := judge(number, said)
	if err != nil {
		a.fail(err)
		return
	}
	if applied > 0 && !a.fills() {
		a.tell(applied)
	}
}

// unheard is why nobody took what was published. A chained Appender's way in is
// gone when another one was opened.
func (a *Appender) unheard(code int, description string) error {
	if a.way == chained {
		return fmt.Errorf("%w: its way in was taken over, or the stream is gone: %d %s", ErrFenced, code, description)
	}
	return fmt.Errorf("%w: no server leads the stream: %d %s", ErrRefused, code, description)
}

// fills tells whether what is applied now are fillers.
func (a *Appender) fills() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.skipping
}

// judge checks an answer against the oldest batch under way and returns the
// offset up to which everything is applied, 0 if that is not news. An ack that
// names another sequence than ours means that offsets are no longer the
// origin's: nothing may follow.
func (a *Appender) judge(number uint64, said answer) (geo.Offset, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil || len(a.batches) == 0 {
		return 0, nil
	}
	b := a.batches[0]
	if said.Type == "ack" {
		a.report(number, said.Seq)
		return 0, nil
	}
	if number < b.number {
		return 0, nil // the farewell of a batch that is done
	}
	stream := a.log.id.Stream()
	switch {
	case said.Error != nil && said.Type == "err":
		return 0, refusal(stream, b.first+geo.Offset(said.Seq)-1, said.Error)
	case said.Error != nil:
		return 0, refusal(stream, b.first, said.Error)
	case said.Type != "":
		return 0, fmt.Errorf("%w: the server misses entries of the batch from %d on", ErrRefused, b.first)
	case number != b.number || !b.ended || said.Count != a.way.acked(b) || said.Seq != uint64(b.last) || said.Duplicate:
		return 0, fmt.Errorf("%w: offsets %d to %d (batch %d) were acknowledged as %d entries to sequence %d (batch %d)",
			ErrRefused, b.first, b.last, b.number, said.Count, said.Seq, number)
	}
	return a.pop(b), nil
}

// pop takes note that the oldest batch is applied. Needs mu.
func (a *Appender) pop(b *batch) geo.Offset {
	a.progress = time.Now()
	a.batches[0] = nil
	a.batches = a.batches[1:]
	a.underWay -= b.bytes
	a.applied = b.last
	a.changed.Broadcast()
	return b.last
}

// judgeProbe takes the answer to a probe behind batch number: everything up to
// the end that it names is applied, and everything handed over must be.
func (a *Appender) judgeProbe(number uint64, said answer) (applied geo.Offset, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return 0, nil
	}
	refused := fmt.Errorf("%w: a probe was answered with sequence %d", ErrRefused, said.Seq)
	if said.Error != nil {
		refused = refusal(a.log.id.Stream(), a.applied+1, said.Error)
	}
	var fenced *FencedError
	if !errors.As(refused, &fenced) {
		return 0, refused
	}
	for len(a.batches) > 0 && a.batches[0].number <= number {
		b := a.batches[0]
		if fenced.Last < b.last {
			fenced.Offset = fenced.Last + 1
			return 0, fenced
		}
		applied = a.pop(b)
	}
	return applied, nil
}

// report takes a report of how far a batch is. One that says what was known is
// no progress: pings are answered by a leader that stores nothing, too. Needs mu.
func (a *Appender) report(number, sequence uint64) {
	if now := [2]uint64{number, sequence}; now != a.reported {
		a.reported, a.progress = now, time.Now()
	}
}
