// Package ledger keeps the entries that were acknowledged once and are not part
// of their log any more: a tail that a crash took from an origin after a replica
// had it, or what a zombie accepted. Nobody can put them back at their offsets,
// since other entries stand there or none ever will; but an operator can look at
// them, and publish them again.
//
// # Guarantees
//
// An entry that Put or PutAll has returned for is kept, byte for byte, until its
// store is removed. Keeping the same entry again changes nothing, whatever the
// reason given then; the first record stays. Two different entries of one place
// are both kept: the second one's id gets a part of its digest behind it. A
// record that was damaged where it is stored is reported, never returned.
//
// The ledger doesn't publish. Whoever does takes Record.Key as the message id, so
// that an entry which its producer sent again, or that is published twice, is
// recognised as the same, and then calls MarkRepublished.
//
// # Concurrency
//
// A Ledger has no state of its own and may be used by any number of goroutines,
// as far as its Store allows that.
//
// # Failure
//
// Errors of the Store come back wrapped once. Every call may be repeated.
//
// # Testing against it
//
// Store has three methods; a map and a slice do. See the tests' memory.
package ledger
