package node_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
	"geomq/node"
)

// newCluster is a region us-east of three brokers, which go by the names of
// regions in the world, and a region eu-west of one.
func newCluster(t *testing.T) (w *world, brokers []geo.Region) {
	t.Helper()
	if testing.Short() {
		t.Skip("regions with brokers of their own are not what a short run is for")
	}
	w = &world{t: t, cfgs: map[geo.Region]*configs.Config{}, nodes: map[geo.Region]*node.Node{}, stops: map[geo.Region]func(){}}
	data, seed := t.TempDir(), freePort(t)
	routes := []string{freePort(t), freePort(t), freePort(t)}
	add := func(name geo.Region, region geo.Region, gossip string, adjust func(*configs.Config)) {
		cfg := configs.Defaults()
		cfg.Region, cfg.Regions, cfg.Node = region, []geo.Region{"us-east", "eu-west"}, string(name)
		cfg.Data = filepath.Join(data, string(name))
		cfg.Listen = configs.Listen{NATS: freePort(t), Cluster: "127.0.0.1:0", Gossip: gossip, Admin: "127.0.0.1:0"}
		cfg.Gossip.Join = []string{seed}
		cfg.Link.Heartbeat = heartbeat
		cfg.Logs = []configs.Log{{Name: "ORDERS", Topics: []geo.Topic{"orders.>"}}}
		adjust(&cfg)
		cfg.FillDefaults()
		w.cfgs[name] = &cfg
		w.start(name)
	}
	add("eu-west", "eu-west", seed, func(*configs.Config) {})
	for i := range routes {
		name := geo.Region(fmt.Sprintf("us-east-%d", i+1))
		add(name, "us-east", "127.0.0.1:0", func(c *configs.Config) {
			c.Listen.Cluster, c.Broker.Brokers, c.Broker.Routes = routes[i], len(routes), routes
		})
		brokers = append(brokers, name)
	}
	for name := range w.nodes {
		w.await(name)
	}
	return w, brokers
}

// leader is the node that leads us-east's log.
func (w *world) leader(at geo.Region) (leader geo.Region) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(ctx context.Context) error {
		log, err := w.nodes[at].Broker().Lookup(ctx, orders)
		if err != nil {
			return err
		}
		name, err := log.Leader(ctx)
		if leader = geo.Region(name); err == nil && name == "" {
			err = errors.New("nobody leads")
		}
		return err
	})
	return leader
}

// TestAClusterWhoseNodesHaveTroubles: each of them is heard, whoever leads the
// control log, and a fence for one node's disk does not outlive that node's lead.
func TestAClusterWhoseNodesHaveTroubles(t *testing.T) {
	t.Parallel()
	w, brokers := newCluster(t)
	for _, name := range brokers {
		w.nodes[name].Event(note("trouble of "+string(name), "trouble of "+string(name)))
	}
	for _, name := range brokers {
		w.awaitEvent("eu-west", "us-east", "trouble of "+string(name))
	}
	last := w.publish(w.client(brokers[0]), 50)
	w.holds("eu-west", orders.Stream(), last)

	full := w.leader(brokers[0])
	other := brokers[0]
	if other == full {
		other = brokers[1]
	}
	js := w.client(other)
	w.free(full, 3)
	last = max(last, w.refused(js))
	w.awaitEvent("eu-west", "us-east", "producers are refused")
	w.stops[full]()
	next := uint64(0)
	geotest.Await(t, startPatience, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		ack, err := js.Publish(ctx, "orders.x", []byte("again"), jetstream.WithRetryAttempts(0))
		if err == nil {
			next = ack.Sequence
		}
		return err
	})
	if next <= last {
		t.Errorf("offset %d was given behind %d", next, last)
	}
	w.holds("eu-west", orders.Stream(), next)
}
