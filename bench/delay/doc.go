// Package delay is a TCP proxy that makes a path long: bytes arrive half a round
// trip after they were sent, in both directions, at any rate. It also counts
// them.
//
// Guarantees. Order and bytes are kept; nothing is dropped. What is under way is
// bounded (64 MiB in each direction), beyond that the sender is held up as TCP
// would do. Loss and TCP's own windows are not imitated: the sender always sees
// an empty loopback in front of it.
//
// Concurrency. A Proxy and its Paths are safe for concurrent use.
//
// Failure. A connection that can't be opened to the target is closed. When one
// side closes, the other gets what was under way, and then the end, too.
//
// To test against it, put it in front of any listener.
package delay
