// Package entry defines the canonical entry: what a message in a CommitLog
// means, whichever region holds it.
//
// An origin stores what its producers sent. A replica can't: JetStream would act
// on some of a producer's headers (drop a repeated Nats-Msg-Id, refuse a
// Nats-TTL, roll up the stream), and the replica's writer needs headers of its
// own. So a replica stores another form of the same entry, made by Entry.Stored
// and taken back by FromStored:
//
//   - each header line whose name begins with "nats-" or "geomq-", in any case,
//     gets the prefix "Gq-". A name that already carries such prefixes in front
//     of one of those gets one more, which makes the way back unambiguous;
//   - two lines of ours stand in front: Nats-Expected-Last-Sequence, the fence
//     that lets only the next offset enter, and Geomq-Time, the origin's time in
//     nanoseconds since 1970;
//   - a header block that is too long, grows too much by escaping, or is none
//     that NATS' own clients would write, travels in front of the body instead
//     and a third line, Geomq-Form, says so.
//
// Header blocks are treated as bytes throughout, since order and spelling count
// as the producer's.
//
// All functions are pure and safe for concurrent use.
package entry
