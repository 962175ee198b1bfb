// Package geotest runs whole deployments of geomq as child processes, harms
// them, and checks what is left against the invariants that geomq promises. It
// serves geomq's own tests and those of its users.
//
// A Process is a child that can be killed the hard way. A Dev is `geomq dev`
// under a Process. A Regions is one `geomq server` process per region, with a
// Proxy on the way of each region's links into each other one, and verbs for what
// can happen to processes (Kill, Launch, Restart, Stop, Continue), to disks
// (PowerCut, Image, PutBack, Wipe) and to the network (Cut, Heal, Delay, Slice,
// Rate). Autopsy reads what a dead region's disk still holds. A Tape is what a
// connection carried, to be sent again.
//
// A Workload is producers in some regions and readers in all. A History collects
// what producers were told and what readers saw; Judge compares it with what the
// regions hold in the end and says which invariant broke, at which offsets. The
// numbers of the invariants (I1 to I5, I9) are those of docs/ARCHITECTURE.md. Where
// disks were harmed (Harmed), acknowledged entries may be missing for two reasons
// only: a ledger keeps them, or no region whose disk lives has ever shown them.
// The latter are counted. Offsets without an entry have to be in the epoch table.
//
// TestLab draws faults from a seed that it prints; GEOMQ_SEED draws the same ones
// again, in the same order and for the same times, though processes will not
// meet them at the same instruction. TestSlowLab (build tag slow) gives each of six
// mixes of faults GEOMQ_LAB_SECONDS; TestSlowCampaign does so for many seeds and
// keeps the results in the file that GEOMQ_CAMPAIGN names, where it also finds what
// need not be done again. GEOMQ_BINARY names a program that is built already, such
// as one with a mistake put into it: the lab must find it.
//
// A Proxy differs from the path it stands for. It acknowledges bytes that it then
// loses, so a connection that met a black hole can't go on after the heal as
// TCP's would after a short one; connections meet the worst case. It hides loss
// of single packets and the effects of windows. A killed process leaves its page
// cache behind; PowerCut says what it makes of that.
//
// Everything listens on loopback, on ports that were free, and ends with the
// test that started it. What takes a testing.TB belongs to the goroutine of the
// test; a Proxy, a Tape and a History may be used by any.
package geotest
