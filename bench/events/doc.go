// Package events gives realistic events to benchmarks and tests: those of an
// NDJSON file, or made-up edits of an encyclopedia.
//
// Guarantees. Events vary as they do in life, so that what compresses them is
// not flattered: where more are asked for than a file holds, its events come
// again with other times, amounts and users. The same arguments give the same
// events.
//
// Concurrency. Each sequence belongs to the goroutine that ranges over it.
//
// Failure. A file that can't be read, or a line of it that is no JSON object,
// ends the sequence with an error that names file and line.
//
// To test against it, range over From("", n).
package events
