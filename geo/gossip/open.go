package gossip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// label stands in front of all gossip and keeps other users of memberlist
	// out where there is no key.
	label = "geomq"
	// packetSize fits the paths of today's internet with a tunnel in between.
	packetSize = 1200
	// resolveLimit is how long looking up a host name may take.
	resolveLimit = 5 * time.Second
)

// Open listens and starts to gossip. It doesn't wait for anybody: joining goes on
// in the background until the others are found. The error wraps ErrConfig or
// ErrListen. The caller ends it by Close, politely by Leave before.
func Open(cfg Config) (*Members, error) {
	cfg.Key, cfg.Join = slices.Clone(cfg.Key), slices.Clone(cfg.Join)
	if err := cfg.prepare(); err != nil {
		return nil, err
	}
	m := &Members{
		cfg:     cfg,
		logs:    newLogBridge(cfg.Log),
		stirred: make(chan struct{}, 1),
		view:    newView(cfg.Self),
		changed: make(chan struct{}),
		reached: make(map[string]netip.AddrPort),
	}
	m.number.Store(1)
	m.nodes = m.view.nodes()
	m.openBook()
	if err := m.connect(); err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	m.running.Add(2)
	go m.follow(ctx)
	go m.keepJoining(ctx)
	return m, nil
}

// connect listens and makes us a member of our own, which may be the only one.
func (m *Members) connect() (err error) {
	ip, port, err := resolve(m.cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w: listen: %w", ErrConfig, err)
	}
	if m.wire, err = listen(ip, port, m.cfg.cut, m.logs); err != nil {
		return fmt.Errorf("%w on %s: %w; free it for TCP and UDP or choose another port", ErrListen, m.cfg.Listen, err)
	}
	conf, err := m.listConfig(ip)
	if err != nil {
		m.wire.Shutdown()
		return err
	}
	if m.list, err = memberlist.Create(conf); err != nil {
		m.wire.Shutdown()
		return fmt.Errorf("%w: %w; name an address to advertise", ErrConfig, err)
	}
	return nil
}

// listConfig says to memberlist what our Config says.
func (m *Members) listConfig(listenIP netip.Addr) (*memberlist.Config, error) {
	conf := memberlist.DefaultWANConfig()
	conf.Name = m.cfg.Self.member()
	conf.Label = label
	conf.Transport = m.wire
	conf.BindAddr, conf.BindPort = listenIP.String(), m.wire.GetAutoBindPort()
	conf.SecretKey = m.cfg.Key
	conf.Delegate, conf.Events = delegate{m}, delegate{m}
	conf.Logger = m.logs.logger()
	conf.UDPBufferSize = packetSize
	// What is sent is small, and compressing costs more than all the rest.
	conf.EnableCompression = false
	m.cfg.Timing.apply(conf)
	return conf, m.advertise(conf)
}

func (m *Members) advertise(conf *memberlist.Config) error {
	conf.AdvertiseAddr, conf.AdvertisePort = "", conf.BindPort
	if m.cfg.Advertise == "" {
		return nil
	}
	ip, port, err := resolve(m.cfg.Advertise)
	if err != nil {
		return fmt.Errorf("%w: advertise: %w", ErrConfig, err)
	}
	if ip.IsUnspecified() {
		return fmt.Errorf("%w: advertise: %q names no host that others could reach", ErrConfig, m.cfg.Advertise)
	}
	conf.AdvertiseAddr = ip.String()
	if port != 0 {
		conf.AdvertisePort = port
	}
	return nil
}

func (t Timing) apply(conf *memberlist.Config) {
	conf.GossipInterval = t.Gossip
	conf.GossipNodes = 3
	conf.ProbeInterval, conf.ProbeTimeout = t.Probe, t.ProbeTimeout
	conf.SuspicionMult = int((t.Suspect + t.Probe - 1) / t.Probe)
	conf.SuspicionMaxTimeoutMult = 2
	conf.PushPullInterval = t.Sync
	conf.GossipToTheDeadTime = t.Remember
	conf.TCPTimeout = t.Stream
}

// resolve reads host:port; an empty host is 0.0.0.0.
func resolve(addr string) (netip.Addr, int, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveLimit)
	defer cancel()
	ips, err := lookUp(ctx, host)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	return ips[0], port, nil
}

// lookUp lists the addresses of a host, at least one; those of IPv4 come first.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return []netip.Addr{netip.IPv4Unspecified()}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("%q has no address", host)
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	slices.SortStableFunc(ips, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return ips, nil
}
