// Package marks keeps what a node has to remember over a crash to judge its own
// disk: whether the ends of its logs can be trusted, and how far they may have
// been acknowledged.
//
// # Guarantees
//
// A Mark tells after a start whether a log's tail is whole. It is, if the log was
// opened in this folder before, and nothing happened since that takes what was
// not yet on disk: an orderly end, or the death of a process alone, takes
// nothing; another start of the host without an orderly end, or a folder that is
// a copy, may. Doubt lasts until Settle, over any number of crashes and orderly
// ends. Where the system does not tell which start of the host it is, only an
// orderly end counts.
//
// A folder is taken for a copy when the file "identity" in it has another inode,
// another time of modification, or, within one start of the host, lies on another
// device. A block device brought back as a whole looks like the original: that is
// found out by asking other regions.
//
// Notes hold a promise per log: nothing behind Ceiling has been acknowledged,
// provided that Seen is called often enough for the log not to outrun it.
//
// Every write is atomic: a new file is written, synced and renamed, and its
// folder synced. If that fails (a full disk), the old file stays and counts on,
// and the call says so. A file that is damaged or cut off counts as missing,
// which is the safe side for both: no mark means doubt, and no note no promise
// that a new epoch could rely on too much.
//
// # Concurrency
//
// All methods may be called from any number of goroutines. A folder belongs to
// one process at a time, which the broker's lock on it ensures.
//
// # Testing against it
//
// Use a temporary folder. OpenAs takes a made-up start of the host, so that a
// power cut is another name.
package marks
