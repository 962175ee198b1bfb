package gossip

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"geomq/geo"
)

// Config is what Open needs.
type Config struct {
	// Self is what this node tells the others.
	Self Node
	// Listen is the host:port for TCP and UDP. Port 0 takes any that is free in
	// both. An empty host or 0.0.0.0 listens everywhere.
	Listen string
	// Advertise is the host:port under which the others reach this node. Empty:
	// as listened, or the first private address where that is everywhere. Port
	// 0: the port listened on.
	Advertise string
	// Join names members of any region as host:port. Our own address among
	// them, or one that isn't up yet, does no harm.
	Join []string
	// Key encrypts all gossip: 16, 24 or 32 bytes (AES-128, -192, -256), the
	// same in all regions. Empty: gossip is in clear and anybody may take part.
	Key []byte
	// PeersFile is where addresses of nodes are remembered for the next start.
	// Empty: they are remembered for this life only.
	PeersFile string
	// Log gets what happens. Nil: nobody does.
	Log *slog.Logger
	// Timing is WAN() where it is zero.
	Timing Timing

	// cut tells to which addresses nothing gets through: partitions for tests.
	cut func(addr string) bool
}

// Timing says how often gossip does what.
type Timing struct {
	// Gossip lies between two rounds of passing news on.
	Gossip time.Duration
	// Probe lies between two probes, each of one node, and ProbeTimeout is how
	// long a probe waits before it is tried through others.
	Probe, ProbeTimeout time.Duration
	// Suspect is how long a silent node is still shown after a probe failed.
	Suspect time.Duration
	// Sync lies between two exchanges of everything with a random node.
	Sync time.Duration
	// Remember is how long news of a dead node is kept against stale claims
	// that it lives.
	Remember time.Duration
	// Rejoin lies between two attempts to reach seeds and remembered peers that
	// are not alive; jitter of a quarter is added or taken off.
	Rejoin time.Duration
	// Stream limits connecting to a node and exchanging everything with it.
	Stream time.Duration
}

// WAN is for nodes at several sites: slow, for discovery is no failure detector,
// and next to free when idle.
func WAN() Timing {
	return Timing{
		Gossip:       500 * time.Millisecond,
		Probe:        5 * time.Second,
		ProbeTimeout: 3 * time.Second,
		Suspect:      30 * time.Second,
		Sync:         time.Minute,
		Remember:     time.Minute,
		Rejoin:       10 * time.Second,
		Stream:       10 * time.Second,
	}
}

// Loopback is for all regions on one machine.
func Loopback() Timing {
	return Timing{
		Gossip:       200 * time.Millisecond,
		Probe:        time.Second,
		ProbeTimeout: 500 * time.Millisecond,
		Suspect:      3 * time.Second,
		Sync:         15 * time.Second,
		Remember:     15 * time.Second,
		Rejoin:       time.Second,
		Stream:       2 * time.Second,
	}
}

// prepare fills in what was left out and says what is wrong with the rest; the
// error wraps ErrConfig and names every problem.
func (c *Config) prepare() error {
	if c.Timing == (Timing{}) {
		c.Timing = WAN()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	// Bare of the monotonic reading and of a zone, equal nodes are == equal.
	c.Self.Started = c.Self.Started.Round(0).UTC()
	problems := append(c.Self.problems(), c.Timing.problems()...)
	problems = append(problems, c.addressProblems()...)
	if n := len(c.Key); n != 0 && n != 16 && n != 24 && n != 32 {
		problems = append(problems, fmt.Errorf("key: it has %d bytes; 16, 24 or 32 are needed", n))
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrConfig, errors.Join(problems...))
	}
	return nil
}

func (c *Config) addressProblems() (problems []error) {
	check := func(field, addr string) {
		if err := checkHostPort(addr); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", field, err))
		}
	}
	check("listen", c.Listen)
	if c.Advertise != "" {
		check("advertise", c.Advertise)
	}
	for i, seed := range c.Join {
		check(fmt.Sprintf("join[%d]", i), seed)
	}
	return problems
}

func checkHostPort(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not host:port", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: the port is not a number up to 65535", addr)
	}
	return nil
}

func (n Node) problems() (problems []error) {
	add := func(field string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("self.%s: %w", field, err))
		}
	}
	_, err := geo.ParseRegion(string(n.Region))
	add("region", err)
	add("name", checkWord(n.Name))
	add("boot", checkWord(n.Boot))
	add("nats", checkText(n.NATS))
	add("admin", checkText(n.Admin))
	add("version", checkText(n.Version))
	if !n.Started.IsZero() && (n.Started.Year() < 1971 || n.Started.Year() > 2261) {
		add("started", fmt.Errorf("%s is no time a process starts at", n.Started))
	}
	if n.Protocol < 0 || n.Protocol > 1<<30 {
		add("protocol", fmt.Errorf("%d is not a version", n.Protocol))
	} else if size := len(encodeMeta(n, maxLife)); size > maxMeta {
		problems = append(problems, fmt.Errorf(
			"self: nats, admin and version need %d bytes of the %d that gossip carries; shorten them", size, maxMeta))
	}
	return problems
}

func (t Timing) problems() (problems []error) {
	for _, d := range []time.Duration{t.Gossip, t.Probe, t.ProbeTimeout, t.Suspect, t.Sync, t.Remember, t.Rejoin, t.Stream} {
		if d < time.Millisecond {
			return []error{fmt.Errorf("timing: every duration must be set, beginning with WAN() or Loopback()")}
		}
	}
	if t.ProbeTimeout >= t.Probe {
		problems = append(problems, fmt.Errorf("timing: ProbeTimeout %s must be below Probe %s", t.ProbeTimeout, t.Probe))
	}
	return problems
}

// plainAddr reads ip:port and brings it into the one form that compares.
func plainAddr(text string) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddrPort(text)
	if err != nil || addr.Port() == 0 || addr.Addr().IsUnspecified() || addr.Addr().Zone() != "" {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), true
}
