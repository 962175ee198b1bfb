package client

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/client/internal/ordered"
	"geomq/geo"
	"geomq/geo/entry"
)

// Received is one entry as a reader sees it, the same in every region but for
// Replica and Arrived.
type Received struct {
	// Origin is empty for a stream that is not named like a CommitLog.
	Origin  geo.Region
	Stream  string
	Offset  geo.Offset
	Subject string
	// Header holds the producer's headers. Names keep their spelling, the order
	// between names is lost.
	Header nats.Header
	// HeaderBlock is set instead of Header where the producer's header block is
	// none that NATS' client can take apart.
	HeaderBlock []byte
	Body        []byte
	MsgID       string
	// Time is when the origin stored the entry, Arrived when it was received
	// here; both clocks are read, so Age may be off by their difference.
	Time    time.Time
	Arrived time.Time
	// Replica says that it was read from another region's replica.
	Replica bool
	// Damage is set where a replica holds something that geomq did not write
	// there; the entry is shown as it is stored. It wraps entry.ErrStored.
	Damage error
}

// Age is the time from the origin's storing to the arrival here.
func (r Received) Age() time.Duration { return r.Arrived.Sub(r.Time) }

// receive makes a Received of what a stream delivered.
func receive(ctx context.Context, s source, m ordered.Message, now time.Time) (Received, error) {
	r := Received{
		Origin: s.origin, Stream: s.stream, Replica: s.replica,
		Offset: m.Offset, Subject: m.Subject(), Header: m.Headers(), Body: m.Data(),
		Time: m.Stored, Arrived: now,
	}
	e, escaped, err := s.form.Entry(ctx, m)
	switch {
	case errors.Is(err, entry.ErrStored):
		r.Damage = err
	case err != nil:
		return r, err
	case escaped:
		r.restore(e)
	}
	r.MsgID = r.Header.Get(entry.MessageID)
	return r, nil
}

// restore shows what the producer sent in place of what is stored.
func (r *Received) restore(e entry.Entry) {
	r.Subject, r.Time, r.Body, r.Header = string(e.Subject), e.When(), e.Body, nil
	if e.Header == nil {
		return
	}
	var err error
	if r.Header, err = nats.DecodeHeadersMsg(e.Header); err != nil {
		r.Header, r.HeaderBlock = nil, e.Header
	}
}
