// Package control defines what a region writes into its control log,
// GEOMQ@REGION, and how the other regions read it.
//
// A control log is a CommitLog like any other: it has one writer region, its
// replicas hold the same records at the same offsets, and relays carry it while
// its origin is dead. It differs in three things. A record is on disk before it
// counts as written. Of each key only the last record is kept, so that offsets
// without an entry mean nothing. And whoever reads a replica gets a record only
// when the logs that it speaks of have come as far: a Gate holds it until then.
//
// Everything here is pure: no clock, no I/O. A Gate belongs to one goroutine.
package control
