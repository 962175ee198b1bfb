// Package wire is a lean client connection to a NATS server, for the data path
// and for nothing else.
//
// It exists for two reasons. nats.go parses a header block into a map and
// writes it in random order, but a CommitLog's entries must keep the producer's
// header block byte for byte. And copying an entry from one cluster to another
// must not allocate per message. Whatever is not the data path (stream and
// consumer administration, tools, clients) goes on using nats.go.
//
// # Guarantees
//
// Header blocks and bodies pass unchanged in both directions. Messages reach
// handlers in the order in which the server sent them. Messages published from
// one goroutine reach the server in that order. Neither direction allocates per
// message once its buffers have grown to the traffic.
//
// A publish that returned nil is in the buffer and nothing more. What must have
// arrived is confirmed by the receiver's ack, or by Ping, which returns after
// the server has processed everything published before it.
//
// # Concurrency
//
// Every method of Conn and Sub may be called from any number of goroutines. A
// Conn runs two: one reads, decodes and calls the handlers, the other writes.
//
// A handler therefore must not wait for something that only the read goroutine
// can bring: Ping, Request and Close from inside a handler block until their
// context ends, Close for ever. Subscribe, Unsubscribe, Publish and Flush are
// fine there. A Msg and its slices are valid only until the handler returns;
// Msg.Clone keeps one longer.
//
// # Backpressure
//
// A handler that takes its time stops the reading, which fills the socket, which
// makes the server buffer and in the end drop the connection as a slow consumer.
// Flow control therefore belongs to the protocol above (credit, acks). A
// publisher that is faster than the socket blocks once Config.WriteBuffer bytes
// wait to be written.
//
// # Failure
//
// There is no reconnecting. A connection that breaks is done: Done is closed,
// Err tells why, every call returns that reason, and the owner dials again and
// rebuilds its state from the end of its own stream. A silent reconnect would
// hide lost messages.
//
// A peer that went silent is noticed as surely as one that closed: after each
// Config.PingInterval without a byte a PING goes out, and the third silent
// interval ends the connection (6 s with the default of 2 s). A peer that stops
// taking bytes ends it after Config.WriteTimeout. Time spent in handlers counts
// as neither.
//
// Some server errors concern one operation only (a permission that is missing):
// they are logged, given to Config.OnError, and the connection lives on. All
// others end it with a *ServerError.
//
// # Testing against it
//
// Give Config.Dial a net.Conn of your own, for example the in-process
// connection of an embedded server, or one end of a net.Pipe whose other end
// speaks the script of the test. The decoder is pure (bytes in, operations
// out), so everything about parsing is tested without a connection.
package wire
