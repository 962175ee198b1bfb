package client

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
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
func receive(s source, m ordered.Message, now time.Time) Received {
	r := Received{
		Origin: s.origin, Stream: s.stream, Replica: s.replica,
		Offset: m.Offset, Subject: m.Subject(), Header: m.Headers(), Body: m.Data(),
		Time: m.Stored, Arrived: now,
	}
	if s.replica {
		r.restore()
	}
	r.MsgID = r.Header.Get(entry.MessageID)
	return r
}

// restore turns what a replica stores back into what the producer sent.
func (r *Received) restore() {
	e, err := entry.FromStored(r.Offset, []byte(r.Subject), headerBlock(r.Header), r.Body)
	if err != nil {
		r.Damage = err
		return
	}
	r.Subject, r.Time, r.Body, r.Header = string(e.Subject), e.When(), e.Body, nil
	if e.Header == nil {
		return
	}
	if r.Header, err = nats.DecodeHeadersMsg(e.Header); err != nil {
		r.Header, r.HeaderBlock = nil, e.Header
	}
}

// ownLines are the lines that a replica's header block begins with, in the
// order in which package entry writes and expects them.
var ownLines = []string{"Nats-Expected-Last-Sequence", "Geomq-Time", "Geomq-Form"}

// headerBlock rebuilds the block that nats.go took apart: our lines in front,
// then the producer's, sorted by name since their order is lost.
func headerBlock(h nats.Header) []byte {
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	for _, name := range ownLines {
		writeLines(&b, name, h[name])
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !slices.Contains(ownLines, name) {
			writeLines(&b, name, h[name])
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func writeLines(b *bytes.Buffer, name string, values []string) {
	for _, value := range values {
		fmt.Fprintf(b, "%s: %s\r\n", name, value)
	}
}

// isReplica tells from a stream's subjects whether it is another region's: an
// origin captures topics, a replica a subject of geomq's own.
func isReplica(subjects []string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return strings.HasPrefix(s, "geomq.r.") })
}

// isFiller tells whether a subject is that of an entry that only keeps an offset
// free in a replica until it is purged.
func isFiller(subject string) bool { return strings.HasPrefix(subject, "geomq.hole.") }
