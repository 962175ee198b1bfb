package broker

import (
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// engine is the embedded server of a Broker; Restart puts another in its place.
type engine struct {
	mu      sync.RWMutex // guards what follows
	current *server.Server
	log     *serverLog
}

// server is the one that runs now; nil before the first.
func (b *Broker) server() *server.Server {
	b.engine.mu.RLock()
	defer b.engine.mu.RUnlock()
	return b.engine.current
}

// use makes s, which logs into log, the server that runs now.
func (e *engine) use(s *server.Server, log *serverLog) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, e.log = s, log
}
