// Package geo holds the words geomq speaks in: regions, logs, CommitLogs,
// offsets and epochs. It depends on nothing but the standard library, and every
// other package depends on it.
//
// Two rules shape all of these types.
//
//  1. A region writes only its own logs. Every other region holds a replica of
//     them at the same offsets.
//  2. An offset never names two entries in a log's life.
//
// All types here are plain values: they are safe to copy and to use from any
// number of goroutines. Text from outside becomes one of them through a Parse
// function, which is the only place where a name is judged.
//
// Package geo/entry adds the canonical entry, package geo/gossip the discovery
// of other regions' nodes.
package geo
