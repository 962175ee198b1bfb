// Package gateway is a TCP gateway for unmodified NATS clients: it takes a
// connection to a backend that serves, and ends it when that backend stops
// serving, so that the client's next reconnect lands right.
//
// # Purpose
//
// A client notices a dead peer that tells nobody after minutes: nats.go pings
// every two minutes and waits for two answers. The gateway notices after
// Terms.DeadAfter, 2 s by default, and closes the connection in the client's face,
// who then connects anew as it does after any restart of a server.
//
// # Guarantees
//
//   - A client hears nothing before a backend has greeted the gateway: a backend
//     that accepts connections and says nothing is passed over within
//     Config.DialTimeout.
//   - A connection to a backend that is silent for Terms.DeadAfter is closed, if
//     another backend can take the client; else it stays until one can, for that
//     is when a reconnect has somewhere to land.
//   - A connection to a backend that is fenced or whose lease has lapsed is closed
//     at once, wherever the client may go then.
//   - Backends that are drained, less preferred, or not ready lose their clients
//     gently, Terms.Rate a second, and only while others can take them.
//   - One lost probe moves nobody. A backend that keeps falling is used again after
//     longer and longer stretches of health only. Time in which the gateway itself
//     did not run is nobody's silence.
//   - Clients are not led around the gateway: connect_urls are taken out of what
//     the backend says about itself, see below.
//   - What strangers send is bounded in size and time before it reaches anything.
//
// What it does not promise: bytes under way when a connection is closed may or may
// not have been processed; clients resend what was not acknowledged, as ever. The
// backend sees the gateway's address instead of the client's.
//
// # How connect_urls are kept away
//
// The server speaks first, so the gateway reads the first INFO line and takes
// connect_urls out. A server tells them again after the client's first PING and
// whenever the cluster changes, but only to clients whose CONNECT says protocol 1:
// the gateway makes it 0 and has nothing more to look at; from then on bytes are
// passed on unseen. What that costs is the server's warning that it is about to
// stop (lame duck mode): the gateway's own probe gets it and moves clients. Where
// TLS is passed through, CONNECT can't be read, and servers with several brokers
// must be told no_advertise in their cluster block.
//
// # How it is made
//
// Machine decides everything and knows neither clock nor network: backends, events
// (event.go), what follows (action.go). Gateway feeds it: one prober per backend
// (probe.go), a Directory that tells which backends there are and what is known
// about them, ticks, and the connections themselves (passage.go).
//
// # Concurrency and failure
//
// A Gateway's methods may be called from any goroutine. Run blocks until its
// context ends or the listener fails; whatever it started has ended when it
// returns. Nothing that a client or a backend does makes Run return.
//
// # Testing against it
//
// The machine: events and a clock of one's own, see machine_test.go. The whole:
// give New a Static directory of real servers and connect NATS clients to Addr.
package gateway
