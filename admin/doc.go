// Package admin is the HTTP face of a node: liveness and readiness, metrics for
// Prometheus, and the versioned JSON API from which the command line answers.
//
// Server serves it over a Backend, which package node implements; Client reads
// it. Any node answers for all regions: with scope=all it asks every node that
// gossip knows, merges what they say, and lists those that kept silent.
//
//	GET /healthz                              the process lives
//	GET /readyz                               503 and the reason until it can work
//	GET /metrics                              for Prometheus
//	GET /api/v1/status?scope=local|all        everything, with the verdict
//	GET /api/v1/regions, /logs, /links        parts of it, same parameter
//	GET /api/v1/digests?stream=&first=&last=&step=1024|1
//	GET /api/v1/entries/{stream}/{offset}
//	GET /api/v1/ledger?region=&stream=&open=&after=&limit=
//	GET /api/v1/ledger/entry?region=&id=
//	GET /api/v1/events?after=&kind=&log=&from=&limit=&wait=
//	POST /api/v1/do/log/purge, log/delete, log/repair, link/accept-gap, ledger/republish
//
// # Orders
//
// What changes something is an Order: a JSON object sent by POST. Any node takes
// it and passes it on, once, to a node of the region that can carry it out. The
// answer is NDJSON: {"step":…} for news, {} as a sign of life, and a last line
// {"outcome":…} or {"error":…}; an answer without one was cut off, and the same
// order sent again finishes what was begun. With "dry_run" the steps are planned and
// nothing is changed. An order ends when whoever sent it goes away.
//
// Nobody has to log in yet. An order is taken on a loopback listener, and beyond
// that where the configuration says insecure: true, without which no node listens
// there. No web page can send one: it needs the header Geomq-Verb and the content
// type application/json, which browsers let pass to another site only after asking
// it, and that question is answered with 405; an Origin that isn't this node's is
// refused.
//
// # Guarantees
//
// Everything else only reads: it answers nothing but GET and HEAD. The server
// answers within a bounded time however many nodes are silent; a node that is
// silent shows up in Status.Problems, and what it knows is absent rather than
// old. A stream of digests ends with {"done":true}, so one that was cut off is
// noticed. Requests for another host's name are refused, which keeps a web page
// in somebody's browser from reading the API by DNS rebinding.
//
// The verdict (Judge) is computed from a Status alone, and so are the troubles that
// a person should see to. Heads may lie by a heartbeat, so it says "≤".
//
// Errors are {"error":{"code":"…","message":"…"}} with a fitting status code; a
// Client turns them into *Error values that match the package's sentinels.
//
// Concurrency. A Server and a Client may be used from many goroutines. Run
// returns when its context ends and every request has; Close may be called at
// any time and repeatedly.
//
// To test against it, give a Server a Backend whose Local returns a fixed
// Status, listen on 127.0.0.1:0, and read it with a Client. A Backend that is no
// Archive or no Operator answers what needs one with ErrNotReady.
package admin
