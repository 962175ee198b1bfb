// Package disk says what a broker may still do with the room that its data
// folder has: replicas stop first, so that what is left is the origin's, whose
// producers wait for an answer; then origins fence themselves, before the server
// meets a write that fails.
//
// # Guarantees
//
// Thresholds.Next is pure: the same state and measure give the same state. A
// state is entered as soon as a measure is below its threshold, and left only
// when one is above that by Thresholds.Margin, so that a log which fills what was
// just freed doesn't open and shut with every look.
//
// The room is the lesser of what the file system leaves to unprivileged
// processes and what the server's own limit (Usage.Limit) leaves, each as a part
// of its whole.
//
// # Concurrency
//
// Thresholds and Usage are plain values. One goroutine runs a Watcher; its State
// may be asked from any.
//
// # Failure
//
// Where the room can't be measured, the state stays as it is and the error is
// logged once: a folder that can't be read for a moment must not stop a region.
//
// # Testing against it
//
// Give Config.Measure a function of yours; Watcher.Look makes one step.
package disk
