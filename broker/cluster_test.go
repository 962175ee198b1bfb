package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"geomq/geo"
)

// openCluster starts three brokers of one region, each told of the others.
func openCluster(t *testing.T) []*Broker {
	t.Helper()
	const size = 3
	var routes []string
	for range size {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, listener.Addr().String())
		listener.Close()
	}
	brokers := make([]*Broker, size)
	var all sync.WaitGroup
	for i := range brokers {
		cfg := testConfig(t, "us-east")
		cfg.Name = fmt.Sprintf("us-east-%d", i+1)
		cfg.Brokers, cfg.ClusterListen, cfg.Routes = size, routes[i], routes
		all.Go(func() {
			b, err := Open(deadline(t), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			brokers[i] = b
		})
	}
	all.Wait()
	t.Cleanup(func() {
		for _, b := range brokers {
			if b != nil {
				all.Go(func() { b.Close() })
			}
		}
		all.Wait()
	})
	if t.Failed() {
		t.FailNow()
	}
	return brokers
}

// TestACluster shares one cluster among its stories: it takes seconds to start.
func TestACluster(t *testing.T) {
	brokers := openCluster(t)
	t.Run("all brokers open an origin at once", func(t *testing.T) {
		var all sync.WaitGroup
		for _, b := range brokers {
			all.Go(func() {
				if _, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}, Replicas: 3}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		js, err := connect(t, brokers[1]).JetStream()
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			await(t, func() bool { _, err = js.Publish("orders.a", fmt.Append(nil, i)); return err == nil })
		}
		l, err := brokers[2].Lookup(deadline(t), orders)
		if err != nil {
			t.Fatal(err)
		}
		if got := readTo(t, l, 1, 100); string(got[99].Body) != "99" {
			t.Fatalf("the last entry is %s", printable(got[99]))
		}
	})
	for name, w := range writers {
		if w != chained { // several copies are never written so
			t.Run("a replica while its leader steps down, "+name, func(t *testing.T) { stepDowns(t, brokers, name, w) })
		}
	}
	t.Run("a journal while a broker is started again", func(t *testing.T) { journalInACluster(t, brokers) })
}

// stepDowns appends to a replica of three copies while its leader is deposed
// again and again; where that ends the Appender, it goes on from Extent.
func stepDowns(t *testing.T, brokers []*Broker, name string, w way) {
	id := geo.CommitLog{Log: geo.LogName(fmt.Sprintf("R%d", len(name))), Queue: geo.SoleQueue, Origin: "eu-west"}
	l, err := brokers[0].OpenReplica(deadline(t), ReplicaConfig{ID: id, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	leader, err := l.Leader(deadline(t))
	if err != nil || leader == "" {
		t.Fatalf("leader %q, %v", leader, err)
	}
	const last = 20_000
	all := made(1, last)
	attempts := 0
	for end := geo.Offset(0); end < last; attempts++ {
		a, err := l.Appender(deadline(t), AppendConfig{Last: end, Plain: w == single})
		if err != nil {
			t.Fatal(err)
		}
		for from := end; from < last && err == nil; from += 1000 {
			if err = a.Append(deadline(t), all[from:min(from+1000, last)], true); (from/1000)%7 == 3 && attempts < 3 {
				depose(brokers[0], id)
			}
		}
		settled := errors.Join(err, a.Settle(deadline(t)))
		a.Close()
		await(t, func() bool {
			e, err := l.Extent(deadline(t))
			end = e.Last
			return err == nil
		})
		if settled == nil && end != last {
			t.Fatalf("settled, but the log ends at %d", end)
		}
	}
	t.Logf("%d appenders", attempts)
	sameEntries(t, readTo(t, l, 1, last), all)
}

// depose makes the leader step down; while there is none, nobody answers.
func depose(b *Broker, id geo.CommitLog) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_ = b.api.call(ctx, "STREAM.LEADER.STEPDOWN."+id.Stream(), nil, nil)
}
