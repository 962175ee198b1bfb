package admin

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// peerTimeout is how long all other nodes together have to answer.
const peerTimeout = 2 * time.Second

// Config is what a Server needs. Listen and Backend must be given.
type Config struct {
	// Listen is HOST:PORT; port 0 takes a free one, see Server.Addr.
	Listen  string
	Backend Backend
	// Names are the host names under which people and nodes reach this server,
	// besides IP addresses and "localhost". Requests for any other name are
	// refused.
	Names []string
	// Insecure has orders taken on a listener beyond loopback, too, although
	// nobody has to log in.
	Insecure bool
	// Version is the node's version for the metric geomq_build_info.
	Version string
	// PeerTimeout bounds the wait for other nodes; 2 s where it is 0.
	PeerTimeout time.Duration
	// Collectors are further metrics of the node.
	Collectors []prometheus.Collector
	// Log takes what the server has to say, slog.Default where it is nil.
	Log *slog.Logger
}

// withDefaults returns cfg complete, or an error wrapping ErrConfig.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Backend == nil || cfg.Listen == "" {
		return cfg, fmt.Errorf("%w: Listen and Backend must be given", ErrConfig)
	}
	if cfg.PeerTimeout == 0 {
		cfg.PeerTimeout = peerTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return cfg, nil
}
