// Package gatewayhttp is the HTTP face of a gateway: metrics for Prometheus and its
// status.
//
// Collector gives a gateway's figures to any registry, such as that of the node
// that the gateway runs in. Server is the small listener of a gateway that runs
// alone:
//
//	GET /healthz   the process lives
//	GET /readyz    503 while no backend takes clients
//	GET /metrics   for Prometheus
//	GET /status    gateway.Status as JSON
//
// It only reads, and answers requests for this host alone: by IP address or as
// localhost, so that no web page can have it read out.
//
// # Concurrency and failure
//
// Everything may be called from any goroutine. Run blocks until its context ends
// or the listener fails. Fetch is the other end: it asks a gateway for its status.
//
// # Testing against it
//
// A Source is one function; give it a fixed gateway.Status.
package gatewayhttp
