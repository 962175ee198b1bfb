// Package native is what geomq is measured against: two plain NATS servers, each
// with JetStream in a domain of its own, joined by a leafnode connection with s2
// compression, and JetStream's own mirror between them. Nothing of geomq is in
// the path.
//
// Guarantees. Streams are on files with one replica and the server's defaults
// for syncing, as a log of flush async is.
//
// Concurrency. A Server is safe for concurrent use.
//
// Failure. What can't be started or created is an error; the servers write no
// log.
//
// To test against it, open a hub and a leaf in two temporary folders.
package native
