package importer

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"geomq/geo"
)

// take deals with one answer and with those that wait behind it.
func (r *run) take(a answer) error {
	for {
		if err := r.answer(a); err != nil {
			return err
		}
		select {
		case a = <-r.answers:
		default:
			return r.acks.flush()
		}
	}
}

func (r *run) answer(a answer) error {
	p := r.flight.find(a.serial)
	switch {
	case p == nil:
		return nil
	case a.err == nil && a.stream != r.target.stream:
		return fmt.Errorf("%w: %s went into %s, not into %s; name the log that captures the topic", ErrLog, p.subject, a.stream, r.target.stream)
	case a.err == nil:
		r.settled(p, a.offset, outcomeOf(p, a))
	case refusedForGood(a.err):
		r.refused(p, a.err)
	case r.flight.refuse(p, a.attempt):
		r.recovery.trouble(time.Now(), fmt.Errorf("line %d was not taken: %w", p.line, a.err))
	}
	return nil
}

// outcome is how a line came to be in the log.
type outcome int

const (
	stored     outcome = iota // by this sending
	recognised                // by an earlier sending of this run
	before                    // before this run
)

func outcomeOf(p *parcel, a answer) outcome {
	switch {
	case !a.duplicate:
		return stored
	case p.sends > 1:
		return recognised
	}
	return before
}

// settled counts a line that is in the log.
func (r *run) settled(p *parcel, offset geo.Offset, how outcome) {
	r.result.Lines++
	if how == before {
		r.result.AlreadyThere++
	} else {
		r.result.Published++
		r.result.Bytes += int64(len(p.body))
	}
	if how == recognised {
		r.result.Recognised++
	}
	if how == stored && p.overtaken {
		r.result.Reordered++
	}
	r.result.span(offset)
	r.end = max(r.end, offset)
	r.acks.add(p.line, offset)
	r.cfg.OnAck(p.line, offset, how != stored)
	r.flight.settle(p)
	r.recovery.progress(time.Now())
}

// refused counts a line that the log will never take.
func (r *run) refused(p *parcel, err error) {
	f := Fault{Line: p.line, Cause: Refused, Detail: err.Error()}
	r.flight.settle(p)
	r.recovery.progress(time.Now())
	if r.cfg.OnError == Stop {
		r.stopAt(f)
		return
	}
	r.result.fault(f, r.cfg.MaxReports)
}

// report calls Progress unless it was called a moment ago.
func (r *run) report(phase Phase, done, total int64) {
	now := time.Now()
	if now.Sub(r.reported) < reportEvery {
		return
	}
	r.reported = now
	p := Progress{Phase: phase, Done: done, Total: total, Lines: r.result.Lines}
	if phase == Publishing {
		if seconds := now.Sub(r.publishing).Seconds(); seconds > 0 {
			p.Rate = float64(p.Lines) / seconds
		}
		if p.Waiting = r.recovery.waiting(now); p.Waiting > 0 {
			p.Trouble = r.recovery.reason
		}
	}
	r.cfg.Progress(p)
}

// ackLog writes down what is acknowledged.
type ackLog struct {
	out     *bufio.Writer
	scratch []byte
}

func newAckLog(w io.Writer) *ackLog { return &ackLog{out: bufio.NewWriter(w)} }

func (l *ackLog) add(line int, offset geo.Offset) {
	l.scratch = strconv.AppendInt(l.scratch[:0], int64(line), 10)
	l.scratch = append(l.scratch, ' ')
	l.scratch = strconv.AppendUint(l.scratch, uint64(offset), 10)
	l.out.Write(append(l.scratch, '\n'))
}

// flush reports what any of the writes before ran into.
func (l *ackLog) flush() error {
	if err := l.out.Flush(); err != nil {
		return fmt.Errorf("write the list of acknowledged lines: %w", err)
	}
	return nil
}
