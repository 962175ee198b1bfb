// Package opening decides how an origin opens one of its logs: what has to be
// fetched back from other regions, whom to wait for, and whether the log goes on
// in its epoch or begins a new one.
//
// # Purpose
//
// After a start an origin can't always know that its log still ends where it
// used to: a power cut takes what was not yet written down, a restored image
// takes more, a new disk takes everything. Producers and consumers have seen the
// offsets that are gone, and other regions may hold their entries. Writing there
// again would give an offset a second entry.
//
// # Guarantees
//
//   - Nothing is written to a log before everybody has told where their copy
//     ends, unless the tail is known to be safe or Facts.OpenWait has passed.
//   - What a region that told still has, and the log has not, is fetched back at
//     the same offsets first.
//   - Where offsets are lacking in the middle of a log whose tail may be lost, what
//     others have of them comes back, nothing leaves the log that is nowhere else, and
//     only what all regions lack is written off.
//   - Where the tail may be lost the log goes on in a new epoch, always. It
//     begins behind every offset that somebody told of and every one that the
//     origin's own note promised, so that no offset is used twice; what may have
//     been acknowledged and is nowhere is counted.
//   - The new epoch extends the longest table that agrees with the origin's own.
//     Where somebody could not be asked, or contradicts, its number is taken from
//     Facts.Hint, so that two lives of one log never share an epoch: they
//     contradict each other at their first meeting and are never merged.
//
// What can't be guaranteed: a log of which the origin has lost everything, its
// note included, while the only region that has a copy stays silent for longer
// than OpenWait. It begins again at offset 1, and the copy's holder will refuse
// it.
//
// # Use
//
// The caller keeps the log closed, asks the regions in Facts.Others for their
// standing, and keeps asking those it got no answer from. It takes every event to
// Machine.Step and does what the Decision says; the outcome is the next event:
//
//	Wait      ─ ask again, Tick ────▶ Told, Silent, Tick
//	PullBack  ─ run a link ─────────▶ PulledBack or PullFailed
//	NewEpoch  ─ retire, table, skip ▶ Made
//	Finish    ─ skip ───────────────▶ Made
//	WriteOff  ─ record deletions ───▶ Surveyed
//	Anew      ─ keep, remove, make ─▶ Surveyed
//	PutBack   ─ append ─────────────▶ Returned
//	Open      ─ let producers in
//
// Where Machine.Unsurveyed says so, the caller first looks what its own stream lacks and
// tells that by Surveyed.
//
// A tail counts as safe only if the log was open here since whatever put it in
// doubt. So the caller keeps a record per log that survives a crash: it is set
// when the log has been opened, and taken back before a decision is carried out
// while Machine.Doubt says something. A process that dies half way must not take
// what it finds for a safe tail. Before Open lets producers in, the caller writes
// the note that Facts.Note brings back next time.
//
// The same goes for what others told: while Machine.Doubt says something, the note
// has to promise Machine.Floor before a decision is carried out, or the next opening,
// without a region that told, would begin its epoch too low. And where
// Machine.Forgetful, deletions are fetched and carried out before producers are let
// in, and no number is given to a new one until all regions have told theirs.
//
// # Concurrency and failure
//
// A Machine knows no clock and does no I/O, is used from one goroutine, and can't
// fail: whatever it is told, it decides. Decisions repeat until an event changes
// them, so a lost outcome is mended by telling it again.
//
// # Testing against it
//
// Feed events, compare decisions; see the tests. A crash is a new Machine with
// the facts as they are then.
package opening
