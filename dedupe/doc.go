// Package dedupe recognises what is sent again.
//
// Every entry has an idempotency key: the Nats-Msg-Id that its producer gave
// it, or else its place, "<log>/<epoch>/<offset>". A key can come twice for two
// reasons, and the package tells them apart:
//
//   - a link sends an entry again, at the same offset: a resend, which a replica
//     must not store twice;
//   - a producer sent a message again so late that JetStream's duplicate window
//     had forgotten it: a repeat, which stands at two offsets of the origin and
//     therefore, since a replica equals its origin, of the replica too.
//
// A Recent remembers the newest entries of one CommitLog. It is a plain value
// without clock or I/O, used by one goroutine. What it has forgotten it says so
// about; it never guesses. It is the first of two locks: the second is the
// expected sequence that every append to a replica carries.
package dedupe
