package gateway

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Config is what a Gateway needs. Listen and Directory must be given.
type Config struct {
	// Listen is host:port for clients; port 0 takes a free one.
	Listen    string
	Directory Directory
	Terms     Terms
	TLS       TLS
	// Advertise is host:port of this and other gateways, told to clients as
	// connect_urls. A client that knows two addresses tries the next one at once when
	// its connection ends; one that knows a single address waits first, 2 s by
	// default. Where Advertise is empty, clients on this machine are told two names
	// of this gateway, all others nothing.
	Advertise []string
	// ProbeEvery is the time between two probes of a backend; 500 ms.
	ProbeEvery time.Duration
	// DialTimeout bounds connecting to a backend, its greeting included; 1 s. Clients
	// give up after about 2 s by default, so that two backends can be tried.
	DialTimeout time.Duration
	// Patience is how long a client waits while no backend serves; 1.5 s.
	Patience time.Duration
	// HandshakeTimeout is how long a client may take for its first line; 10 s.
	HandshakeTimeout time.Duration
	// Unacknowledged is after how long without a sign of life the other machine of a
	// connection counts as gone; 30 s.
	Unacknowledged time.Duration
	// DrainTime is over how long connections are closed when the gateway stops; 2 s.
	DrainTime time.Duration
	// MaxConnections bounds open connections; 10,000.
	MaxConnections int
	// Log takes what happens, slog.Default where it is nil.
	Log *slog.Logger
}

// TLS says who speaks TLS. The zero value passes on what clients and backends
// agree on.
type TLS struct {
	// Server makes the gateway itself speak TLS with clients; they must then. Client
	// certificates end here: backends don't see them.
	Server *tls.Config
	// HandshakeFirst is for backends and clients that speak TLS from the first byte,
	// as NATS servers do with handshake_first: true. With Server set and Backend not,
	// it concerns clients only.
	HandshakeFirst bool
	// Backend is how the gateway speaks TLS with backends: for all connections where
	// Server is set, else for probes only.
	Backend *tls.Config
}

// Terminates tells whether TLS of clients ends at the gateway.
func (t TLS) Terminates() bool { return t.Server != nil }

// first tells whether backends speak TLS from the first byte.
func (t TLS) first() bool { return t.HandshakeFirst && (t.Backend != nil || !t.Terminates()) }

func (c Config) withDefaults() (Config, error) {
	if c.Listen == "" || c.Directory == nil {
		return c, fmt.Errorf("%w: Listen and Directory must be given", ErrConfig)
	}
	c.Terms = c.Terms.withDefaults()
	c.ProbeEvery = cmp.Or(c.ProbeEvery, 500*time.Millisecond)
	c.DialTimeout = cmp.Or(c.DialTimeout, time.Second)
	c.Patience = cmp.Or(c.Patience, 1500*time.Millisecond)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 10*time.Second)
	c.Unacknowledged = cmp.Or(c.Unacknowledged, 30*time.Second)
	c.DrainTime = cmp.Or(c.DrainTime, 2*time.Second)
	c.MaxConnections = cmp.Or(c.MaxConnections, 10_000)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	for _, address := range c.Advertise {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return c, fmt.Errorf("%w: advertise: %w", ErrConfig, err)
		}
	}
	switch {
	case c.ProbeEvery < 0 || c.DialTimeout < 0 || c.Terms.DeadAfter < 0 || c.MaxConnections < 0:
		return c, fmt.Errorf("%w: times and bounds can't be negative", ErrConfig)
	case c.Terms.DeadAfter < 2*c.ProbeEvery:
		return c, fmt.Errorf("%w: a backend that is dead after %s must be probed at least every %s, not %s",
			ErrConfig, c.Terms.DeadAfter, c.Terms.DeadAfter/2, c.ProbeEvery)
	}
	return c, nil
}
