// Package broker is one cluster of one region: an embedded NATS server with
// JetStream, alone or as one of several, and the logs in it as CommitLogs. It is
// the only package that imports nats-server, and it knows nothing of other
// regions but how their entries are stored.
//
// # Guarantees
//
// A CommitLog is read in canonical form (package entry) and in the order of its
// offsets, whichever role it has here. A Reader delivers every entry that the
// stream holds from its start on, or ends with an error; offsets that it skips
// hold no entry. An idle Reader delivers a new entry as soon as it is stored.
//
// Into a replica nothing enters but the next offset: each entry carries the
// offset before it as the expected sequence, and the server refuses what doesn't
// fit. A server that stands alone moves the replica's stream to a subject of the
// Appender's own first: nobody else writes while it does, and another Appender
// ends it (ErrFenced). Where an Appender ended with an error, some of what was handed over may
// have been written and some not, but there is neither a gap nor a double; the
// replica's Extent tells where to go on.
//
// What clients may publish to is decided at two places. The gate (Config.Shut,
// Broker.Shut, Admit) turns clients' publishes to topics away from the moment a
// server starts. The fence (CommitLog.Fence) takes the topics from the stream and
// names its exact end; behind it an Appender pulls back what the origin has lost,
// and makes holes (Appender.Skip). Where that leaves entries in another form than
// producers sent them is recorded in the stream's metadata, which is on the disk
// before the first of them is written; readers go by the record and never guess.
// Offsets without an entry stay so through kills of the process. A power cut may
// take back holes at the end, as it may take entries: Skip again.
//
// Clients without credentials may publish, subscribe, read every stream and have
// consumers. They can't change streams, and they can't write into a replica: not
// by publishing, for they may not use subjects of geomq; and not by having
// JetStream publish for them (a request's reply subject, a consumer's deliver
// subject), because these subjects hold a token, derived from Config.Secret or
// made up for an Appender, and nothing that clients can read or listen to names it.
//
// # Accounts and users
//
// Account APP holds the streams. In it are "client", which everybody without
// credentials is, and "geomq", the agent. Account LINK carries the traffic
// between regions as plain messages, so that another region's agent never
// touches a stream, and clients never see links. SYS is the system account.
// Passwords follow from Config.Secret.
//
// # Flow control and memory
//
// A Reader pulls: it asks for parts of its window and asks again as its caller
// takes what came. An Appender blocks while its window is under way. Neither
// holds more than its window, however far a log is behind; both copy bytes into
// buffers that are used again.
//
// # Concurrency
//
// Broker and CommitLog may be used by any number of goroutines. A Reader belongs
// to one goroutine, apart from Close. An Appender's calls may come from any;
// OnApplied is called by one that reads acks and must not wait. Every Reader and
// Appender has a connection of its own, so that a slow one stops nobody else.
//
// # Failure
//
// Nothing reconnects: a Reader or Appender whose connection, consumer, leader or
// order is lost ends with an error, and its owner opens another from what it
// knows (the last entry returned, or the replica's Extent). Errors that mean
// something are in errors.go. A server that doesn't come up reports its own last
// complaint.
//
// # Testing against it
//
// Open a Broker on t.TempDir() with Listen "127.0.0.1:0"; it is up in some ten
// milliseconds and needs nothing else.
package broker
