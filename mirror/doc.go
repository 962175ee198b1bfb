// Package mirror copies CommitLogs from the region that holds them into replicas
// elsewhere, at the same offsets, and proves that the copies are equal.
//
// A Link pulls one log into one replica. It runs in the region of the replica
// and drives everything: it knows from its own replica where it stands, asks a
// holder for the next offset, and grants credit for what may be under way.
// Sources answers it there and keeps nothing between sessions. A Sealer runs at
// the origin and writes the digest of each whole block, which Links compare with
// what they have. DESIGN.md beside this file describes the protocol.
//
// # Guarantees
//
//   - A replica takes only the offset behind its last. What was dropped,
//     repeated, swapped, damaged or sent in another session ends the session
//     before any of it is applied; the next one begins at the replica's end.
//   - An offset that a replica has once shown never shows another entry. A
//     replica is never rewritten, and leaves out no offset but those that it can
//     prove to be holes: between two epochs, deleted by the origin, compacted in a
//     control log, or given up by its operator.
//   - Entries that a new epoch leaves behind are in the ledger before they leave
//     the replica.
//   - A Link halts, and Status says why, where going on would lose entries or
//     give an offset a second meaning: retention overtook it, the holder lost its
//     tail or lacks an offset, two entries stand at one offset. It looks again
//     every few seconds, and goes on by itself once the reason is gone.
//   - At most LinkConfig.Credit uncompressed bytes are under way however far
//     behind a replica is, but for a single entry that is larger.
//   - A seal is kept in a replica only after the block was found equal to it.
//
// Not promised: entries that the origin's retention removed before they were
// copied are not brought back, and a head is up to a heartbeat old.
//
// # Concurrency
//
// Sink and Source are pure state machines (events in, actions out; no clock, no
// I/O), each used by one goroutine. A Link has one goroutine that owns its Sink
// and stages behind it that unpack, apply and compare; Run returns when all of
// them have ended, and Status may be called at any time. Sources is safe for
// concurrent use; Serve runs one session and returns when its goroutines have
// ended. Packer, Unpacker and the digests behind them belong to one goroutine
// each.
//
// # Failure
//
// Whatever ends a session has a Cause, which is counted in LinkStatus.Refused
// and decides what follows: another session within half a second, or a halt
// until something changes. No error of a session leaves Run. Every wait has an
// end: for a Welcome, for a silent peer, for a Send that a dead path does not
// take, and for a broker that is asked where a log stands.
//
// # Testing against it
//
// The interfaces in interfaces.go are small; memlog_test.go and memnet_test.go
// implement them in memory, and whole links run on those inside of
// testing/synctest. The state machines are played by the scripts in testdata,
// which `go test -run Script -update` rewrites; read the difference before you
// keep it. -chaos.seed runs one random schedule of faults again, and -tags slow
// tries whether deliberate mistakes turn the tests red.
package mirror
