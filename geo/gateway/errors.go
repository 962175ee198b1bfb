package gateway

import "errors"

var (
	// ErrConfig goes to callers of New: the configuration can't be used. The text
	// says which part; there is nothing to retry.
	ErrConfig = errors.New("gateway configuration")
	// ErrBackend goes to callers of ParseBackend and CheckBackends: the text
	// describes no backend, or two that can't be told apart. Show it to who wrote it.
	ErrBackend = errors.New("not a backend")
	// ErrStranger is why a connection ended: what the other side sent is not the
	// NATS protocol. It is counted and goes no further.
	ErrStranger = errors.New("not the NATS protocol")
	// errNoBackend ends a connection for which no backend could be found in time.
	errNoBackend = errors.New("no backend serves")
	// errEnded ends the passage of a connection that was closed on purpose.
	errEnded = errors.New("ended by the gateway")
)
