package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"geomq/bench/delay"
	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/node"
)

const (
	originRegion  geo.Region  = "us-east"
	replicaRegion geo.Region  = "eu-west"
	logName       geo.LogName = "ORDERS"
)

// copied is the log that a round copies.
var copied = geo.CommitLog{Log: logName, Queue: geo.SoleQueue, Origin: originRegion}

// geomqSide is two regions of one node each. The link from the second into the
// first, and nothing else, goes through the proxy.
//
// The second region is the same one in all rounds, and loses only its replica in
// between. Were it to lose its whole disk, its own logs would go on in a new
// epoch each time, and the rounds would measure how the offsets between are
// skipped.
type geomqSide struct {
	origin *runningNode
	proxy  *delay.Proxy
	gossip string
	data   string // the second region's
}

func openGeomq(ctx context.Context, dir string) (*geomqSide, error) {
	nats, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &geomqSide{data: dir + "-" + string(replicaRegion)}
	if s.gossip, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.proxy, err = delay.Listen(nats); err != nil {
		return nil, err
	}
	cfg := s.config(originRegion, dir)
	cfg.Listen.NATS, cfg.Listen.Gossip = nats, s.gossip
	cfg.FillDefaults()
	if s.origin, err = startNode(ctx, &cfg); err != nil {
		return nil, errors.Join(err, s.proxy.Close())
	}
	return s, nil
}

// config is a node's with all defaults of the product.
func (s *geomqSide) config(region geo.Region, data string) configs.Config {
	cfg := configs.Defaults()
	cfg.Region, cfg.Regions, cfg.Data = region, []geo.Region{originRegion, replicaRegion}, data
	cfg.Listen = configs.Listen{NATS: "127.0.0.1:0", Cluster: "127.0.0.1:0", Gossip: "127.0.0.1:0", Admin: "127.0.0.1:0"}
	cfg.Gossip.Join = []string{s.gossip}
	cfg.Logs = []configs.Log{{Name: logName, Topics: []geo.Topic{topics}}}
	return cfg
}

func (s *geomqSide) name() string                { return Geomq }
func (s *geomqSide) producers() (string, string) { return s.origin.node.NATS(), copied.Stream() }

// attach starts the second region. Its link begins with the first connection to
// the origin's region.
func (s *geomqSide) attach(ctx context.Context, _ string, roundTrip time.Duration) (replica, error) {
	path := s.proxy.Open(roundTrip)
	cfg := s.config(replicaRegion, s.data)
	cfg.Link.Via = map[geo.Region]string{originRegion: s.proxy.Addr()}
	cfg.FillDefaults()
	n, err := startNode(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-path.Used():
		return &geomqReplica{runningNode: n, path: path, data: s.data}, nil
	case err = <-n.ended:
		n.ended <- err // for close
	case <-late.C:
		err = fmt.Errorf("%w: no link after %s", ErrStuck, patience)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, n.close())
}

func (s *geomqSide) close() error { return errors.Join(s.origin.close(), s.proxy.Close()) }

type geomqReplica struct {
	*runningNode
	path *delay.Path
	data string
}

func (r *geomqReplica) began() time.Time { return r.path.Began() }
func (r *geomqReplica) wire() uint64     { return r.path.Bytes() }
func (r *geomqReplica) clients() string  { return r.node.NATS() }

func (r *geomqReplica) close() error {
	if err := r.runningNode.close(); err != nil {
		return err
	}
	return broker.Discard(r.data, copied)
}

// runningNode is a node in this process.
type runningNode struct {
	node  *node.Node
	stop  context.CancelFunc
	ended chan error // capacity 1
}

// startNode returns when the node is ready.
func startNode(ctx context.Context, cfg *configs.Config) (*runningNode, error) {
	n, err := node.New(cfg, node.Options{Version: "bench"})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &runningNode{node: n, stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- n.Run(running) }()
	select {
	case <-n.Ready():
		return r, nil
	case err := <-r.ended:
		stop()
		return nil, fmt.Errorf("region %s: %w", cfg.Region, err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), r.close())
	}
}

// close ends the node and waits for it. It is called once.
func (r *runningNode) close() error {
	r.stop()
	return <-r.ended
}

// freeAddress is one on loopback that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
