// Package gossip finds the geomq nodes of all regions: which nodes exist in
// which region, under which addresses. It is built on memberlist.
//
// # Guarantees
//
// A node that can reach one living node of any region, directly or through a
// remembered address, comes to know every node that one knows, and they it.
// Nobody needs to be up first: Open returns at once and joining goes on in the
// background for as long as the node lives. Two sides that were apart, however
// long, find each other again, because seeds and remembered peers that are not
// alive at the moment are tried over and over at a slow pace.
//
// Gossip proposes and never authorises. Whoever holds the key can claim to be
// any node, and a view may be out of date by minutes: that a node is listed does
// not make it trustworthy or alive, that it is missing does not make it dead.
// Links judge both for themselves.
//
// # Lives
//
// memberlist refuses to hear of a known name under another address until it has
// given the old address up. Therefore a member's name ends in the boot of its
// process, e.g. "us-east/us-east-1/<boot>": to memberlist a node that was killed
// and came back is a new member, known within a round of gossip, while the old
// one dies of its own silence. Of several lives of one node the view shows one:
// the one with the highest life number; among equals, the one that was first
// heard of last. A node that hears of an older life of itself raises its life
// number above it, so that newcomers, who hear of all lives at once, choose right
// too. Which of two lives is the older one is decided by their own node alone,
// and where its clock went backwards in between nothing is raised and the order
// of hearing decides.
//
// # Concurrency
//
// All methods of Members may be called from any number of goroutines. Open starts
// goroutines and Close ends them; memberlist's own probes, which nobody can
// interrupt, end by themselves within a few probe intervals after Close and
// change and log nothing any more.
//
// # Failure
//
// Gossip with another key, without one, or of another system is dropped and
// logged at most once a minute for each cause. Members whose meta can't be read
// (a later version, foreign bytes) take part in the gossip and are left out of
// the view. A peers file that is missing or damaged costs the memory of addresses
// and nothing else. A node that calls Leave vanishes everywhere at once; one that
// is killed after it was suspected for Timing.Suspect. One that returns under its
// old address and knows nobody to join, neither configured nor remembered, is
// found only after that.
//
// # Testing against it
//
// Open Members with Listen "127.0.0.1:0" and Loopback timing, pass the Addr of one
// to the Join of the next, and wait on Changed until Nodes shows what the test
// needs.
package gossip
