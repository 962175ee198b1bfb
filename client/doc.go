// Package client is how programs and geomq's own commands talk to a region as
// ordinary NATS clients: publish with an idempotency key, follow a log of every
// origin, import files (package importer).
//
// # Guarantees
//
// Publish gives each message a UUIDv7 as its Nats-Msg-Id and returns once the
// log has acknowledged it. A Publish that failed may be repeated with the same
// id: inside the log's duplicate window the log recognises it.
//
// Follow delivers the entries of each CommitLog in the order of their offsets,
// each once, whatever happens to the connection meanwhile. Between two
// CommitLogs there is no order. Entries of replicas, and those that an
// origin had lost and got back from another region, are shown as their producers
// sent them: subject, headers and body unescaped, the origin's time.
//
// Token turns any text into one token of a subject, and no two texts into the
// same one.
//
// # Concurrency
//
// Each call opens its own connection and closes it again; callbacks run on the
// goroutine that made the call, one at a time. Every function may be called from
// any number of goroutines.
//
// # Failure
//
// A broker that can't be reached at the beginning is an error at once
// (ErrUnreachable); one that goes away later is waited for, until ctx ends.
//
// # Testing against it
//
// The package needs nothing but a NATS server with JetStream and a stream named
// like a CommitLog, e.g. "ORDERS@us-east" over "orders.>"; its own tests start
// one in the process.
package client
