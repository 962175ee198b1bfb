// Package verify proves that all holders of a CommitLog hold the same entries
// at the same offsets, or names the first offset at which they do not.
//
// Every holder recomputes digests of aligned blocks of 1,024 offsets from the
// entries that it really stores (Digester). Verify reads all holders at the same
// time, compares block by block over the range that all of them have, and
// compares each whole block with the seal that the holder recorded for it. Where
// a block differs it asks again for that block, offset by offset.
//
// Guarantees. A report of Clean means that each offset of Report.Compared was
// compared in every holder. A holder that can't be reached, breaks off or answers
// another question makes the report Incomplete, never Clean. Offsets that some
// holder does not have any more, or not yet, are listed as not comparable: a
// holder that trims while it is being verified is told apart from one that lost
// entries. Equal digests mean equal subject, header, body, time and offset, up
// to a collision of the first 128 bits of SHA-256.
//
// Memory is bounded: a few stretches per holder at a time, and Drill blocks in
// detail, however long the log is.
//
// Concurrency. Verify starts one goroutine per holder and waits for all of them
// before it returns. A Digester belongs to one goroutine. Everything else is a
// value.
//
// To test against it, implement Holder over a slice of entries with Digest, as
// this package's tests do.
package verify
