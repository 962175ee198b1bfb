package node

import (
	"context"
	"fmt"
	"time"

	"geomq/geo/gateway"
	"geomq/geo/gossip"
)

// neighbourly is for how long a broker stays among the gateway's backends that
// gossip has lost: the gateway's own probes say sooner what became of it, and
// whether its clients have to leave at once.
const neighbourly = time.Minute

// openGateway opens the region's gateway in this node, nil where the configuration
// has none. Nobody is served until runGateway.
func (n *Node) openGateway() (*gateway.Gateway, error) {
	if n.cfg.Listen.Gateway == "" {
		return nil, nil
	}
	g, err := gateway.New(gateway.Config{
		Listen: n.cfg.Listen.Gateway, Directory: &brokers{node: n, known: map[string]*known{}},
		Terms: gateway.Terms{Region: n.cfg.Region}, Log: n.log,
	})
	if err != nil {
		return nil, fmt.Errorf("region %s: listen.gateway: %w", n.cfg.Region, err)
	}
	return g, nil
}

// runGateway serves clients until ctx ends.
func (n *Node) runGateway(ctx context.Context) error {
	if n.gateway == nil {
		return nil
	}
	return n.gateway.Run(ctx)
}

// Gateway is host:port of the gateway in this node, empty where it has none. It is
// known once Ready is closed.
func (n *Node) Gateway() string {
	if n.gateway == nil {
		return ""
	}
	return n.gateway.Addr()
}

// brokers is the gateway's Directory: the brokers of the node's own region, its own
// before the others.
type brokers struct {
	node  *Node
	known map[string]*known
}

type known struct {
	entry gateway.Entry
	seen  time.Time
}

// Watch tells of brokers as gossip does.
func (b *brokers) Watch(ctx context.Context, tell func([]gateway.Entry)) error {
	forget := time.NewTicker(neighbourly / 4)
	defer forget.Stop()
	for {
		changed := b.node.members.Changed()
		tell(b.entries(time.Now(), b.node.members.Region(b.node.cfg.Region)))
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-forget.C:
		}
	}
}

// entries are the brokers of nodes and those that were there a short while ago.
func (b *brokers) entries(now time.Time, nodes []gossip.Node) []gateway.Entry {
	for _, node := range nodes {
		backend, err := b.backend(node)
		if err != nil {
			b.node.log.Warn("the gateway leaves out a node whose address it can't read", "peer", node.Name, "error", err)
			continue
		}
		b.known[node.Name] = &known{entry: gateway.Entry{Backend: backend}, seen: now}
	}
	var all []gateway.Entry
	for name, k := range b.known {
		if now.Sub(k.seen) > neighbourly {
			delete(b.known, name)
			continue
		}
		all = append(all, k.entry)
	}
	return all
}

func (b *brokers) backend(node gossip.Node) (gateway.Backend, error) {
	backend := gateway.Backend{Preference: 1}
	server := node.NATS
	if node.Name == b.node.cfg.Node {
		backend.Preference, server = 0, b.node.broker.LocalURL()
	}
	err := backend.SetServer(server)
	backend.Name, backend.Region, backend.Admin = node.Name, node.Region, node.Admin
	return backend, err
}
