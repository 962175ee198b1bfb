// Package vote decides, between parties that reach each other sometimes, who may
// do something alone: be the master of a log's queues, say that a region is down,
// own a topic's traffic. It is a pure machine per party and target, over records
// in the parties' control logs.
//
// # Words
//
// A party is whoever has a control log of its own. Voters are parties that count:
// the configured regions and witnesses. Holders are the parties that keep the
// target's logs. A claimant wants the target; it need not be a voter. A term is
// (number, claimant). A party can be all of these at once; a Machine is.
//
// # Guarantees
//
//   - A term is won by one claimant at most, by votes of more than half of ALL
//     configured voters, its own included, each of them on disk and read.
//   - A voter votes once per target and number, whatever crashes: its vote is a
//     record on disk before anybody can count it, and it never votes for a number
//     that is not higher than that of its last vote.
//   - At any instant at most one party may serve a target that has leases: it has
//     an Extend whose time has not come, on its own clock. This holds whatever
//     is lost, late, twice or out of order between parties, and whoever sleeps,
//     as long as no clock's rate is off by more than lease.Terms.Drift.
//   - What a holder has promised, once on disk, is kept over crashes: nothing
//     enters its logs but from a holder that has the promised epoch or a later
//     one in its table.
//   - No offset is used in two epochs, whoever lost what: see Offsets.
//   - When a majority of voters and a holder that claims reach each other, the
//     claim is served within a few of Patience and lease.Terms.Wait.
//
// Not guaranteed: anything against a party that lies, or that loses records that
// were on disk (see Config.Abstain); that a target without leases has one owner at
// an instant: there the highest term counts, and whoever acts on a decision says
// for which term.
//
// # Why it is safe
//
// The letters stand for conditions of the code.
//
//  1. A claimant writes a claim with a number above all it knows of: term (n, c),
//     and the number F of the epochs it would open, above all it knows of.
//  2. A voter votes for it if (a) n is above the number of its own last vote, (b)
//     F is above the epoch of its last vote and of all that it knows to be
//     opened, (c) the claim is under the same version of the voters, and (d)
//     everything that it has granted to others must have lapsed. The vote binds
//     from when it is handed to the disk (no grants, no other vote), and counts
//     when it is on disk. So it is one vote per number, before and after a crash.
//  3. The claimant is elected once it has READ votes for its term from a majority.
//     Two majorities share a voter, which voted once per number: one winner per
//     number. The claimant writes that down, and only then do holders act on it.
//  4. Each holder that reads so freezes its logs: it stops accepting what comes
//     from tables that end before F, looks where they end, and writes that down:
//     the promise. The claimant waits for every holder that it has heard of
//     lately, for Patience at most, and for itself.
//  5. From the promises follow where the furthest tail is (by epoch, then
//     offset), and where the new epoch begins. The tail is fetched, and the
//     claimant writes that it is open, and with what tables.
//  6. It serves once a majority of voters has granted it the lease: a voter grants
//     to the term of its last vote, on disk, and to no other. The lease is counted
//     as package lease says: from sending at the holder, from answering and longer
//     at the voter.
//  7. Say c serves under n, and c' was elected under n' > n. Some voter v granted
//     to n and voted for n'. It did not grant to n after it voted for n' (6), and
//     voted when its grants had lapsed (2d). So v's part of c's lease had ended
//     before c' was elected: before c' could serve, c had stopped. A v that crashed
//     in between remembers the vote, and takes everything as granted just before
//     it started.
//  8. F rises from each elected term to the next: the shared voter requires it
//     (2b). So the order of epochs is that of terms, and a promise for F bars all
//     earlier terms.
//
// # Offsets
//
// A master that dies may have used offsets that nobody alive has seen. So a lease
// is for a time and for offsets: a request names, for each log, its epochs and the
// last offset that the master is going to use (some seconds of traffic ahead, more
// is asked for in time), and a voter grants when these are on its disk, in its
// vote. The next winner's votes come from a majority, so one of them names them.
// An epoch is recorded in a log only after the first grant: what is in any table is
// known to a majority, so that no later table contradicts it.
// The next epoch begins behind these, behind every promised end, plus the margin; its
// table names the epochs of which no holder in reach has an entry, so that who
// comes back with some finds out where they ended, and moves them to the ledger.
//
// # The voters change
//
// A configuration has a version, and differs from the one before by one voter: then
// any majority of the one and any majority of the other share a voter, because
// floor(m/2)+1 + floor((m+1)/2)+1 is more than m+1. Two versions apart they may not.
// So version v+1 is taken up by a voter only when (a) a majority of the members of
// v−1 votes under v, which ends all decisions under v−1, and by reading so it has
// read all that they had voted for; (b) it has waited since for the leases under
// v−1 to lapse. A claim under v wins, and a lease under v counts, only once (a)
// holds for v. What others have taken up by a majority may be joined at once. One
// change at a time: others are refused until the last is taken up. Should two
// people name different versions of one number at once, at most one of them gets a
// majority; where neither can, all choose the first in order as soon as every
// member has shown its choice.
//
// # Without a majority
//
// Nothing is decided, and Status says that a person is needed and why. A person's
// Override names the voters to do without, and is part of the claim's record. Then
// the votes and grants of all others are needed. Where those left out could not be
// a majority among themselves this is as safe as a majority: any majority contains
// one of the others. So in a deployment of two, either may be left out by the
// other, and the one left out fences itself when its lease lapses; but both at
// once must not be left out by each other. Where they could be a majority, the
// person has to say that they are stopped, and the promise rests on that.
//
// # Use
//
// The caller turns what happens into events, hands them to Step with a reading of
// lease/clock, and does the actions in their order. Records go into the own control
// log under Record.Key, which is always flushed, last per key; Asks, Grants and
// heartbeats go straight, over links, and may be lost. Who opened a log asks a
// lease.Guard before serving. Who may claim, and when, is the caller's to judge;
// a claim on a target that is served well waits, and hurts nobody.
//
// A voter does not vote for a claimant that it has not heard of lately, and gives
// who it voted for Patience to win: that keeps claims from chasing each other, and
// safety does not rest on it.
//
// # Concurrency, failure, memory
//
// A Machine is used from one goroutine, knows no clock and does no I/O. It can't
// fail: what makes no sense is passed over. Records of others count as far as they
// pass Decode. It keeps three records per party that is a voter or a holder, and
// the reach of 64 logs.
//
// # Testing against it
//
// See world_test.go: a simulation with disks, crashes, paths, and clocks as bad as
// allowed. A crash is a new Machine with what is on the disk.
//
// Sources: L. Lamport, The Part-Time Parliament (1998) and Paxos Made Simple (2001),
// for votes, majorities, and what a winner has to learn from them; D. Ongaro and J.
// Ousterhout, In Search of an Understandable Consensus Algorithm (2014), and D.
// Ongaro's thesis (2014, sections 4.1 and 6.4) with his correction of 2015, for
// terms, comparing ends, changes of one voter, and leases; B. Oki and B. Liskov,
// Viewstamped Replication (1988), for ends that are promised at a change of view;
// those of package lease for leases.
package vote
