// Package holders decides from which region a link pulls a log.
//
// A log's origin is the first choice; every other region with a replica, called
// a relay here, can serve the same offsets while the origin can't. A Chooser
// weighs what the regions answer when they are asked where they stand, and what
// the present session shows, and says what to do: ask, open a session, leave the
// present one.
//
// # Rules
//
//   - The origin is pulled from while it is well. It is tried at once when a
//     link starts and after each loss, beside the asks.
//   - If it does not answer within Grace, the link goes on with a relay: one that
//     is ready, not behind the replica, whose epoch table goes on where the
//     replica's ends, and that still has the next offset. The furthest is taken,
//     among those within Slack of it the nearest.
//   - The present holder is left when it says nothing for Config.Patience, when
//     nothing has come from it for StallAfter although some holder has more, and
//     a relay also when another is BehindEntries ahead of it or it needs more
//     than BehindFor to reach what another had. It is left only for another that
//     is known to do better.
//   - From a relay the link returns when the origin has answered two asks in a
//     row, AskEvery apart. An origin that is lost again within Steady of a return
//     has to answer for twice as long the next time: 1 s, 2 s, 4 s up to LongCalm.
//     So a path that flaps is left alone instead of interrupting the link at each
//     flap.
//   - A relay that contradicts the replica or lacks what it needs is avoided for
//     AvoidFor. The origin's contradiction halts the link. What only the origin
//     lacks is asked for at the relays first. A link also halts if every holder
//     contradicts it; it looks again every HaltFor.
//
// # Concurrency and failure
//
// A Chooser is a pure state machine, used by one goroutine: it knows no clock and
// does no I/O. Each Ask is answered by one Told or Silent per holder, each Pull
// and each Leave by one Ended; the order and time of answers do not matter. What
// a holder has told counts for Memory.
//
// # Testing against it
//
// The stories in stories_test.go read as they happened. model_test.go plays
// random worlds of regions that die, stall and flap, and checks the rules above
// against the world's own truth.
package holders
