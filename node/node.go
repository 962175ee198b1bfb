package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"geomq/admin"
	"geomq/admin/gatewayhttp"
	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/geo/gateway"
	"geomq/geo/gossip"
	"geomq/mirror"
	"geomq/mirror/scrub"
	"geomq/node/events"
	"geomq/node/natslink"
)

// leavePatience bounds how long a closing node tells the others that it goes.
const leavePatience = time.Second

// Node is one node of a region.
type Node struct {
	cfg     *configs.Config
	opts    Options
	log     *slog.Logger
	secret  []byte
	boot    string
	started time.Time

	broker   *broker.Broker
	members  *gossip.Members
	admin    *admin.Server
	gateway  *gateway.Gateway // nil: the node has none
	ready    chan struct{}
	dialer   *natslink.Dialer
	records  *records
	tails    *tails
	control  *controlWriter
	book     *events.Book
	disk     room
	shelves  shelves
	unloaded unloaded
	pace     *scrub.Pace // nil: nothing is scrubbed
	duties   []*duty
	looks    looks
	group    sync.WaitGroup
}

// New prepares a node. The error names everything that is wrong with cfg.
func New(cfg *configs.Config, opts Options) (*Node, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, problems
	}
	key, err := secret(cfg)
	if err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.BrokerLog == nil {
		opts.BrokerLog = opts.Log
	}
	if opts.Timing == (gossip.Timing{}) {
		opts.Timing = gossip.WAN()
		if onLoopback(cfg) {
			opts.Timing = gossip.Loopback()
		}
	}
	return &Node{
		cfg: cfg, opts: opts, secret: key, boot: uuid.NewString(), started: time.Now(),
		log:   opts.Log.With("region", cfg.Region, "node", cfg.Node),
		ready: make(chan struct{}), book: events.NewBook(rememberedEvents),
		control: newControlWriter(opts.Log.With("region", cfg.Region, "node", cfg.Node)),
	}, nil
}

// Name is the node's, unique in its region.
func (n *Node) Name() string { return n.cfg.Node }

// Ready is closed when the node's own logs are open and everything answers.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// NATS is the URL for clients. It is known once Ready is closed.
func (n *Node) NATS() string { return natsURL(n.cfg, n.broker) }

// Admin is the URL of the admin API. It is known once Ready is closed.
func (n *Node) Admin() string { return adminURL(n.cfg, n.admin.Addr()) }

// Run serves until ctx ends and returns nil then, after everything has been
// closed. It is called once. An error says what could not be started.
func (n *Node) Run(ctx context.Context) error {
	if err := n.open(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // it broke off since it was told to
		}
		return errors.Join(err, n.close())
	}
	n.records.added = n.tellLedger
	n.tellStarted()
	links, stopLinks := context.WithCancel(context.WithoutCancel(ctx))
	answers, stopAnswers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAnswers()
	defer stopLinks()
	failed := make(chan error, 3)
	var serving sync.WaitGroup
	serving.Go(func() { report(failed, n.listener().Run(answers)) })
	serving.Go(func() { report(failed, n.admin.Run(answers)) })
	n.group.Go(func() { report(failed, n.runGateway(links)) })
	n.group.Go(func() { n.fulfil(links) })
	n.group.Go(func() { n.announce(links) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	n.tellStopped()
	stopLinks()
	n.group.Wait()
	stopAnswers()
	serving.Wait()
	return errors.Join(err, n.close())
}

func report(failed chan<- error, err error) {
	if err != nil {
		failed <- err
	}
}

// open starts what the rest depends on.
func (n *Node) open(ctx context.Context) error {
	var err error
	if n.tails, err = openTails(n.cfg.Data, n.clustered()); err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	if n.unloaded, err = mendStreams(n.cfg.Data, n.tails.doubtful(), n.clustered(), n.log); err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	if n.broker, err = broker.Open(ctx, brokerConfig(n.cfg, n.secret, n.topics(), n.opts.BrokerLog)); err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	if n.records, err = openRecords(ctx, n.broker, n.cfg.Region, n.copies()); err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	if n.cfg.Scrub.Rate > 0 {
		n.pace = scrub.NewPace(int64(n.cfg.Scrub.Rate))
	}
	n.dialer = n.newDialer()
	n.duties = n.plan()
	if n.gateway, err = n.openGateway(); err != nil {
		return err
	}
	n.admin, err = admin.New(admin.Config{
		Listen: n.cfg.Listen.Admin, Names: hostNames(n.cfg.Advertise.Admin), Backend: backend{n}, Version: n.opts.Version, Log: n.log,
		Insecure: n.cfg.Insecure, Collectors: gatewayhttp.Collectors(n.gateway),
	})
	if err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	key, err := n.cfg.Gossip.Key.Bytes()
	if err != nil {
		return fmt.Errorf("gossip.key: %w", err)
	}
	n.members, err = gossip.Open(gossip.Config{
		Self: gossip.Node{
			Region: n.cfg.Region, Name: n.cfg.Node, Boot: n.boot, Started: n.started,
			NATS: n.NATS(), Admin: n.Admin(), Protocol: mirror.MaxVersion, Version: n.opts.Version,
		},
		Listen: n.cfg.Listen.Gossip, Advertise: n.cfg.Advertise.Gossip, Join: n.cfg.Gossip.Join, Key: key,
		PeersFile: filepath.Join(n.cfg.Data, "peers.json"), Log: n.log, Timing: n.opts.Timing,
	})
	if err != nil {
		return fmt.Errorf("region %s: %w", n.cfg.Region, err)
	}
	n.log.Info("node is up", "nats", n.NATS(), "admin", n.Admin(), "gossip", n.members.Addr(), "version", n.opts.Version)
	return nil
}

// close ends what open started, the last first.
func (n *Node) close() error {
	var errs []error
	if n.members != nil {
		if err := n.members.Leave(leavePatience); err != nil {
			n.log.Debug("left without telling everybody", "error", err)
		}
		errs = append(errs, n.members.Close())
	}
	if n.admin != nil {
		errs = append(errs, n.admin.Close())
	}
	if n.gateway != nil {
		n.gateway.Close()
	}
	n.looks.close()
	if n.dialer != nil {
		n.dialer.Close()
	}
	if n.broker != nil {
		errs = append(errs, n.broker.Close())
		if len(n.duties) > 0 {
			errs = append(errs, n.tails.close(n.cfg.Data))
		}
	}
	return errors.Join(errs...)
}

// announce closes n.ready once the node's own logs are open.
func (n *Node) announce(ctx context.Context) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if n.unready() == nil {
			close(n.ready)
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// unready says which of the node's own logs are not open, or nothing.
func (n *Node) unready() error {
	var errs []error
	for _, d := range n.duties {
		if d.isOrigin() && !d.opened() {
			errs = append(errs, fmt.Errorf("%s is not open: %s", d.id, d.problem()))
		}
	}
	return errors.Join(errs...)
}

// cluster is the broker as links see it.
func (n *Node) cluster() cluster {
	return cluster{
		broker: n.broker, records: n.records, shelves: &n.shelves, tail: n.tailOf,
		window: int(min(n.cfg.Link.Credit/4, 4<<20)), replicas: n.replicas, creatable: n.creatable,
	}
}

// replicas is how many brokers of this region keep a copy of a log.
func (n *Node) replicas(name geo.LogName) int {
	for _, l := range n.cfg.Logs {
		if l.Name == name {
			return replicas(n.cfg, l)
		}
	}
	return 1
}

// copies is how many brokers of the region keep geomq's own records.
func (n *Node) copies() int {
	if !n.clustered() {
		return 1
	}
	return replicas(n.cfg, configs.Log{Mode: configs.ModeSync})
}

// replicas is how many brokers of a region keep a copy of log: all of them, up
// to 5, where every entry waits for a majority; else one.
func replicas(cfg *configs.Config, log configs.Log) int {
	if log.Mode != configs.ModeSync {
		return 1
	}
	if cfg.Broker.Brokers >= 5 {
		return 5
	}
	return 3
}

// maxEntry is the largest entry that producers of this region may write and that
// its replicas take: what is kept free of max_payload is for what replicas add.
func (n *Node) maxEntry() int64 { return int64(n.cfg.Broker.MaxPayload) - broker.Reserve }

// listener answers the sinks of other regions.
func (n *Node) listener() *natslink.Listener {
	sources := &mirror.Sources{Region: n.cfg.Region, Holder: n.cluster(), MaxEntry: n.maxEntry(), Ready: n.serves, Log: n.log}
	return &natslink.Listener{
		URL: n.broker.LocalURL(), User: broker.LinkUser, Password: broker.LinkPassword(n.secret),
		Name: n.cfg.Node, Serve: sources.Serve, Log: n.log,
		Answer: sources.Answer,
	}
}

// serves tells whether links of other regions may have a log: one of this region
// only once it is open.
func (n *Node) serves(id geo.CommitLog) bool {
	for _, d := range n.duties {
		switch {
		case d.id != id:
		case d.isOrigin():
			return d.opened()
		default:
			return !d.rests()
		}
	}
	return true
}

// newDialer opens links into other regions.
func (n *Node) newDialer() *natslink.Dialer {
	return &natslink.Dialer{
		Name: n.cfg.Node, User: broker.LinkUser, Password: broker.LinkPassword(n.secret),
		Addresses: func(region geo.Region) []string {
			if address, ok := n.cfg.Link.Via[region]; ok {
				return []string{address}
			}
			var addresses []string
			for _, node := range n.members.Region(region) {
				addresses = append(addresses, node.NATS)
			}
			return addresses
		},
	}
}
