// Package natslink carries the sessions of package mirror over NATS.
//
// A sink connects to a broker of the holder's region as the user "link", whose
// account sees no streams and no client's messages. It publishes its Hello to
// geomq.open; one of the region's sources answers, and from then on both sides
// publish to each other:
//
//	geomq.l.<token>.k   to the sink
//	geomq.l.<token>.s   to the source
//
// The token is random, so that sessions can't meet. One connection serves one
// session and is never re-established: NATS would hide a loss from the protocol
// above, which finds its place again from the replica's own end anyway.
//
// Questions about where logs stand go to geomq.ask as plain requests.
//
// Messages are delivered in order. What is under way is bounded by the session's
// credit, therefore the limits of NATS' own on pending messages are lifted.
package natslink
