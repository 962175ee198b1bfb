package broker

import (
	"strconv"

	"geomq/broker/wire"
)

// way is how an Appender's entries go to the server.
type way int

const (
	// batched: fast-ingest batches (ADR-50), for streams of several copies, and
	// for origins behind their fences.
	batched way = iota
	// chained: ordinary publishes of which only the last of each stretch asks for
	// an ack, for replicas of a server that stands alone. Each entry expects the
	// one before, so behind one that is lost or refused nothing enters, and one
	// ack proves all in front of it. That needs two things. The server must check
	// the expectation where it stores; only a stream of a single copy does. And
	// nobody else may write: an entry of somebody else's would take the place of
	// one of ours, whose refusal nobody hears of, and the next of ours would fit
	// behind it. So a chained Appender has a way in of its own (takeOver).
	chained
	// single: ordinary publishes with an ack for each, for streams that take no
	// batches.
	single
)

// way is the cheapest one that is safe for the log.
func (l *CommitLog) way(plain bool) way {
	switch {
	case plain:
		return single
	case l.chains:
		return chained
	case l.fastIngest:
		return batched
	}
	return single
}

const (
	// batchEntries is how many entries a fast-ingest batch has at most: only the
	// ack of a whole batch names the sequence in the stream, so batches are short.
	batchEntries = 500
	// chainEntries is the same for a stretch of a chain, which nothing but its ack
	// tells of.
	chainEntries = 100
)

// most is how many entries batch number has at most. A chain's first entry goes
// alone: a refusal that no ack told of is met there again by the next Appender,
// and named.
func (w way) most(number uint64) uint64 {
	switch {
	case w == batched:
		return batchEntries
	case w == chained && number > 1:
		return chainEntries
	}
	return 1
}

// acked is how many entries the ack of b speaks of.
func (w way) acked(b *batch) uint64 {
	if w == batched {
		return b.count()
	}
	return 1
}

// probe asks where a chain ends, with an entry that can't enter: the refusal
// names the stream's end behind everything that was sent before.
func (a *Appender) probe(b *batch) error {
	// Not in the scratch buffers: a blocked sender has begun to fill them.
	reply := append(appendPlainReply(nil, a.inbox, a.id, b.number), probeToken...)
	return a.conn.PublishParts(wire.Pub{Subject: []byte(a.ingest + "probe"), Reply: reply, Header: impossibleHeader})
}

// probeToken ends the reply subject of a probe.
const probeToken = ".probe"

var impossibleHeader = []byte("NATS/1.0\r\nNats-Expected-Last-Sequence: " + strconv.Itoa(impossible) + "\r\n\r\n")
