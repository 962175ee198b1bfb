// Package scrub reads sealed blocks of a log again in the background, in the
// origin's region as well as in replicas, and serves on what another holder has
// in place of what went bad.
//
// A Scrubber reads one block after the other from the oldest to the newest, and
// compares each with its seal. At a start it begins with the newest, since a
// power cut damages what was written last. A block that fails is fetched from
// another holder; if it is equal to the seal, the entries that differ are kept as
// a Patch. A Shelf holds a log's patches and shows the log to sources with the
// patched entries in place.
//
// # Guarantees
//
//   - A patch is made only of a block that was found equal to the origin's seal.
//   - The stream itself is not touched: Status goes on naming the block until
//     the local copy is well again, and says what to run.
//   - Scrubbers that share a Pace read no more than its rate together, averaged
//     over a few blocks, and one log at a time.
//   - What a Shelf serves is not proved by it: mirror.Prove stands behind it, and
//     lets no block out that is damaged all the same.
//
// Not promised: entries of blocks that have no seal yet, of control logs, and
// what retention removes before it was read are not checked. A broker that needs
// seconds for a read may be taken for one that lacks entries, until the block is
// read once more.
//
// # Concurrency
//
// Run is called once, by one goroutine, and starts none that outlives it. Status
// and a Shelf are safe for concurrent use; a Reader that a Shelf's log opens
// belongs to one goroutine as any other.
//
// # Failure
//
// No failure ends Run: what could not be read, fetched or kept is told by Status
// as Problem or beside the block, logged once per text, and tried again within a
// minute.
//
// # Testing against it
//
// All of it runs inside of testing/synctest. Rounds and paces are pure; logs,
// holders and patches are a few methods each, which this package's tests have in
// memory.
package scrub
