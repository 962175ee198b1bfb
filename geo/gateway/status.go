package gateway

import (
	"maps"
	"time"

	"geomq/geo"
)

// Status is what a Gateway does at the moment. Its JSON form is an interface.
type Status struct {
	Listen string     `json:"listen"`
	Region geo.Region `json:"region,omitempty"`
	// Serves tells whether some backend takes clients.
	Serves         bool `json:"serves"`
	Connections    int  `json:"connections"`
	MaxConnections int  `json:"max_connections"`
	// Closed counts, by cause, connections that reached no backend.
	Closed   map[Cause]uint64 `json:"closed"`
	Backends []BackendStatus  `json:"backends"`
}

// BackendStatus is what a Gateway knows of one backend. Counts are since its start.
type BackendStatus struct {
	Name   string     `json:"name"`
	Region geo.Region `json:"region"`
	NATS   string     `json:"nats"`
	Admin  string     `json:"admin,omitempty"`
	State  State      `json:"state"`
	Why    string     `json:"why,omitempty"`
	Since  time.Time  `json:"since"`
	// RoundTrip is smoothed, in milliseconds; 0 where none is known.
	RoundTrip   float64 `json:"round_trip_ms"`
	Connections int     `json:"connections"`
	Opened      uint64  `json:"opened"`
	// DialFailures are connections for clients that could not be made.
	DialFailures uint64 `json:"dial_failures"`
	// Received and Sent are bytes from and to clients.
	Received int64            `json:"received_bytes"`
	Sent     int64            `json:"sent_bytes"`
	Closed   map[Cause]uint64 `json:"closed"`
	// Became counts how often each state was entered.
	Became map[State]uint64 `json:"became"`
}

// Status tells what g does at the moment, the backends by name.
func (g *Gateway) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := Status{
		Listen: g.Addr(), Region: g.cfg.Terms.Region, Serves: g.machine.Serves(),
		Connections: len(g.passages), MaxConnections: g.cfg.MaxConnections,
		Closed: maps.Clone(g.closed), Backends: []BackendStatus{},
	}
	for _, h := range g.machine.backends {
		f := g.count(h.Name)
		st.Backends = append(st.Backends, BackendStatus{
			Name: h.Name, Region: h.Region, NATS: h.NATS, Admin: h.Admin, State: h.state, Why: h.why, Since: h.since,
			RoundTrip: float64(h.trip.Microseconds()) / 1000, Connections: h.open, Opened: f.opened, DialFailures: f.failed,
			Received: f.received.Load(), Sent: f.sent.Load(), Closed: maps.Clone(f.closed), Became: maps.Clone(f.became),
		})
	}
	return st
}
