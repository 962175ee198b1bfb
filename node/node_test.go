package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
	"geomq/node"
)

// testLog gets what nodes log where GEOMQ_TEST_LOG is set.
var testLog = func() *slog.Logger {
	if os.Getenv("GEOMQ_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}()

// startPatience is how long a node may take to be ready.
var startPatience = time.Minute

// heartbeat is a session's. What is silent for three of them is given up, so a short
// one has links of a busy machine begin again and again, which keeps it busy.
const heartbeat = time.Second

// given are the ports that tests of this process have got: many run at once, and a
// port is free until its node listens.
var given sync.Map

func freePort(t *testing.T) string {
	for {
		address := geotest.FreePort(t)
		if _, taken := given.LoadOrStore(address, true); !taken {
			return address
		}
	}
}

// world is a deployment of one node per region in this process.
type world struct {
	t     *testing.T
	cfgs  map[geo.Region]*configs.Config
	nodes map[geo.Region]*node.Node
	stops map[geo.Region]func()
}

func newWorld(t *testing.T, adjust func(*configs.Config), regions ...geo.Region) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("regions with brokers of their own are not what a short run is for")
	}
	w := &world{t: t, cfgs: map[geo.Region]*configs.Config{}, nodes: map[geo.Region]*node.Node{}, stops: map[geo.Region]func(){}}
	data := t.TempDir()
	seed := freePort(t)
	for i, region := range regions {
		cfg := configs.Defaults()
		cfg.Region, cfg.Regions = region, regions
		cfg.Data = filepath.Join(data, string(region))
		gossip := "127.0.0.1:0"
		if i == 0 {
			gossip = seed
		}
		cfg.Listen = configs.Listen{NATS: freePort(t), Cluster: "127.0.0.1:0", Gossip: gossip, Admin: "127.0.0.1:0"}
		cfg.Gossip.Join = []string{seed}
		cfg.Link.Heartbeat = heartbeat
		cfg.Logs = []configs.Log{{Name: "ORDERS", Topics: []geo.Topic{"orders.>"}}}
		if adjust != nil {
			adjust(&cfg)
		}
		cfg.FillDefaults()
		w.cfgs[region] = &cfg
		w.start(region)
	}
	for _, region := range regions {
		w.await(region)
	}
	return w
}

func (w *world) start(region geo.Region) {
	n, err := node.New(w.cfgs[region], node.Options{Version: "test", Log: testLog})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	w.nodes[region] = n
	w.stops[region] = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("region %s: %v", region, err)
		}
		done <- nil
	}
	w.t.Cleanup(w.stops[region])
}

func (w *world) await(region geo.Region) {
	select {
	case <-w.nodes[region].Ready():
	case <-time.After(startPatience):
		w.t.Fatalf("region %s is not ready", region)
	}
}

// client connects as any NATS client would.
func (w *world) client(region geo.Region) jetstream.JetStream {
	nc, err := nats.Connect("nats://" + w.cfgs[region].Listen.NATS)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

// holds waits until a region holds a stream up to last.
func (w *world) holds(region geo.Region, stream string, last uint64) {
	w.t.Helper()
	js := w.client(region)
	geotest.Await(w.t, startPatience, func(ctx context.Context) error {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if got := s.CachedInfo().State.LastSeq; got < last {
			return fmt.Errorf("%s in %s ends at %d, not %d; links: %+v", stream, region, got, last, w.nodes[region].Links())
		}
		return nil
	})
}

func TestEveryLogReachesEveryRegionAtTheSameOffsets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	const n = 3000
	for region := range w.cfgs {
		js := w.client(region)
		for i := range n {
			if _, err := js.PublishAsync(fmt.Sprintf("orders.created.%d", i%50), []byte(fmt.Sprintf("%s %d", region, i))); err != nil {
				t.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	}
	for at := range w.cfgs {
		for origin := range w.cfgs {
			w.holds(at, "ORDERS@"+string(origin), n)
		}
	}
	origin, err := w.client("us-east").Stream(t.Context(), "ORDERS@us-east")
	if err != nil {
		t.Fatal(err)
	}
	replica, err := w.client("eu-west").Stream(t.Context(), "ORDERS@us-east")
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range []uint64{1, 1024, 1025, n} {
		a, err := origin.GetMsg(t.Context(), offset)
		if err != nil {
			t.Fatal(err)
		}
		b, err := replica.GetMsg(t.Context(), offset)
		if err != nil {
			t.Fatal(err)
		}
		if a.Subject != b.Subject || string(a.Data) != string(b.Data) || !strings.HasPrefix(string(a.Data), "us-east") {
			t.Errorf("offset %d is %s %q at the origin and %s %q in the replica", offset, a.Subject, a.Data, b.Subject, b.Data)
		}
	}
}

func TestARegionThatWasAwayCatchesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	publish := func(n int) {
		for range n {
			if _, err := js.Publish(t.Context(), "orders.created.1", []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(100)
	w.holds("eu-west", "ORDERS@us-east", 100)
	w.stops["eu-west"]()
	publish(2000)
	w.start("eu-west")
	w.await("eu-west")
	w.holds("eu-west", "ORDERS@us-east", 2100)
}
