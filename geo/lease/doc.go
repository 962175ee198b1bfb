// Package lease counts leases: on the side of who holds one, and on the side of
// each voter that has granted its part.
//
// # Guarantees
//
// Two things together keep two holders apart, whatever is lost, late or twice on
// the way, and without ever comparing the clocks of two machines:
//
//   - A Holder counts Terms.Length from when it SENT the request that a voter
//     granted, on its own clock. It holds the lease while a quorum's parts last.
//   - A Granter counts Terms.Wait from when it sent the grant, on its own clock,
//     before it lets go. That is Length, longer by as much as both clocks' rates
//     may be off: the holder's slow, the voter's fast.
//
// The request was sent before the grant, so the holder's part ends first. A voter
// that has forgotten what it granted, because its process is new, lets go of
// nothing before it has run for Terms.Wait. Package vote adds the rest: voters
// that have let go, and voted for another, grant no more.
//
// Terms.Drift is an assumption about the hardware, and the only one: a clock
// whose rate is off by more breaks the lease. Quartz is off by up to 0.01 %, a
// clock that is being slewed by NTP by 0.05 % more, a virtual machine that is
// migrated by more for a moment; 1 % is ample.
//
// # Guard
//
// A Guard is what everything that serves asks: Valid is one atomic load and one
// reading of the clock (measured: 1.4 µs in a sandbox that intercepts system
// calls). Having said no it says yes again only after an Extend, and it needs no
// goroutine to have run: a process that was stopped for 30 s finds
// at the first call after waking that its lease has lapsed.
//
// What is left is the time between Valid and what rests on it. Who asks before an
// act may be stopped in between, and acts late: nothing bounds that. So ask after
// the act and before it is told: a gateway asks when the broker's ack is there,
// and passes it on only if Valid. Then an ack that a client sees is for an entry
// that was stored while the lease was held: if the process stops between Valid
// and the write to the socket, the ack is late, not wrong.
// A client that is connected directly has its acks from the broker, which asks
// nobody. A process that wakes with publishes in its sockets' buffers stores and
// acknowledges them until its fence stands: for the time to the caller's next
// look at the Guard (its tick) plus that of the fence's update. Those entries are
// beyond what the process had promised as its end, under an older epoch: they go
// to the ledger. Their number is at most what the socket buffers held plus what
// arrives in that time.
//
// # Concurrency and failure
//
// Holder and Granter are pure, know no clock and are used from one goroutine. A
// Guard may be used from any number. Nothing here fails.
//
// # Testing against it
//
// Pass times; clock.Manual moves a Guard. Sources: C. Gray and D. Cheriton,
// Leases (SOSP 1989), for leases without common clocks; M. Burrows, Chubby
// (OSDI 2006), and M. Trencseni et al., PaxosLease (2012), for leases by a
// majority without a disk and a wait after a restart.
package lease
