//go:build slow

package node_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/admin"
	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
)

// TestSlowLatency measures the time from an event's ack at the origin until a
// plain NATS client in another region has it, at 1,000 events/s.
func TestSlowLatency(t *testing.T) {
	const n, bound = 5000, 20 * time.Millisecond
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	events := geotest.Events(t, n)
	js := w.client("us-east")
	if _, err := js.Publish(t.Context(), "orders.created.0", []byte("first")); err != nil {
		t.Fatal(err)
	}
	w.holds("eu-west", "ORDERS@us-east", 1)
	arrived := make([]time.Time, n)
	done := make(chan error, 1)
	consumer, err := w.client("eu-west").OrderedConsumer(t.Context(), "ORDERS@us-east", jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 2})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	go func() {
		for i := range n {
			if _, err := messages.Next(); err != nil {
				done <- err
				return
			}
			arrived[i] = time.Now()
		}
		done <- nil
	}()
	acked := make([]time.Time, n)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for i, e := range events {
		<-ticker.C
		if _, err := js.Publish(t.Context(), fmt.Sprintf("orders.created.%d", i%100), e.Body); err != nil {
			t.Fatal(err)
		}
		acked[i] = time.Now()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = arrived[i].Sub(acked[i])
	}
	slices.Sort(took)
	t.Logf("from ack to readable in the replica: p50 %s, p99 %s, max %s", took[n/2], took[n*99/100], took[n-1])
	if took[n*99/100] > bound {
		t.Errorf("p99 is %s, more than %s", took[n*99/100], bound)
	}
}

// TestSlowCatchUp lets a region that was away catch up on 200,000 events and
// measures what crosses the wire.
func TestSlowCatchUp(t *testing.T) {
	const n, bound = 200_000, 80
	w := newWorld(t, nil, "us-east", "eu-west")
	w.holds("eu-west", "ORDERS@eu-west", 0)
	w.stops["eu-west"]()
	js := w.client("us-east")
	var size int
	for i, e := range geotest.Events(t, n) {
		size += len(e.Body)
		if _, err := js.PublishAsync("orders.created."+fmt.Sprint(i%500), e.Body); err != nil {
			t.Fatal(err)
		}
		if i%2000 == 0 {
			<-js.PublishAsyncComplete()
		}
	}
	<-js.PublishAsyncComplete()
	w.start("eu-west")
	w.await("eu-west")
	began := time.Now()
	orders := geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
	geotest.Await(t, time.Minute, func(context.Context) error {
		if l := w.linkOf("eu-west", orders); l.Applied < n {
			if l.CreditUsed > l.Credit {
				t.Errorf("%d bytes under way, more than the credit of %d", l.CreditUsed, l.Credit)
			}
			return fmt.Errorf("%s at %d of %d, %s %s %s", l.Log, l.Applied, l.Head, l.State, l.Cause, l.Reason)
		}
		return nil
	})
	took := time.Since(began)
	l := w.linkOf("eu-west", orders)
	perEntry := float64(l.WireBytes) / float64(n)
	t.Logf("%d events of %d bytes: %.1f bytes on the wire each, %.0f/s, %d frames", n, size/n, perEntry, n/took.Seconds(), l.Frames)
	if os.Getenv(geotest.EventsVariable) == "" {
		return // the bound is for real events; made-up ones are more random
	}
	if perEntry > bound {
		t.Errorf("%.1f bytes on the wire per event, more than %d", perEntry, bound)
	}
}

// linkOf is the link into a region's replica of a log: a region has one for each
// control log, too, and those come first.
func (w *world) linkOf(region geo.Region, log geo.CommitLog) admin.Link {
	w.t.Helper()
	for _, l := range w.nodes[region].Links() {
		if l.Log == log.Log && l.Origin == log.Origin {
			return l
		}
	}
	w.t.Fatalf("region %s has no link of %s", region, log)
	return admin.Link{}
}

// TestSlowIdle measures what idle links cost: six between three regions, with
// the default heartbeat of a second.
func TestSlowIdle(t *testing.T) {
	w := newWorld(t, func(c *configs.Config) { c.Link.Heartbeat = time.Second }, "us-east", "eu-west", "ap-south")
	for at := range w.cfgs {
		for origin := range w.cfgs {
			w.holds(at, "ORDERS@"+string(origin), 0)
		}
	}
	const d = 10 * time.Second
	before := processor(t)
	<-time.After(d)
	t.Logf("three idle regions with six links use %.2f %% of a core", 100*(processor(t)-before).Seconds()/d.Seconds())
}

// stream waits until all links stream.
func (w *world) stream() {
	geotest.Await(w.t, 2*time.Minute, func(context.Context) error {
		for region, n := range w.nodes {
			for _, l := range n.Links() {
				if !streaming(l) {
					return fmt.Errorf("%s into %s: %+v", l.Log, region, l)
				}
			}
		}
		return nil
	})
}

func processor(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestSlowIdleLink measures what one more idle link costs: the same regions with
// 1 and with 41 logs.
func TestSlowIdleLink(t *testing.T) {
	const bound, more = 0.1, 40 // per cent of a core; logs, and links in each of two directions
	idle := func(logs int) float64 {
		w := newWorld(t, func(c *configs.Config) {
			c.Link.Heartbeat = time.Second
			c.Logs = nil
			for i := range logs {
				c.Logs = append(c.Logs, configs.Log{Name: geo.LogName(fmt.Sprintf("LOG%dX", i)), Topics: []geo.Topic{geo.Topic(fmt.Sprintf("log%d.>", i))}})
			}
		}, "us-east", "eu-west")
		for i := range logs {
			w.holds("us-east", fmt.Sprintf("LOG%dX@eu-west", i), 0)
			w.holds("eu-west", fmt.Sprintf("LOG%dX@us-east", i), 0)
		}
		defer w.stops["us-east"]()
		defer w.stops["eu-west"]()
		w.stream() // to open a session costs more than to keep it for long
		const d = 8 * time.Second
		before := processor(t)
		<-time.After(d)
		return 100 * (processor(t) - before).Seconds() / d.Seconds()
	}
	few, many := idle(1), idle(1+more)
	perLink := (many - few) / (2 * more)
	t.Logf("two idle regions use %.2f %% of a core with 2 links, %.2f %% with %d: %.3f %% per link", few, many, 2+2*more, perLink)
	if perLink > bound {
		t.Errorf("an idle link uses %.3f %% of a core, more than %.1f %%", perLink, bound)
	}
}

// TestSlowIdleMemory measures what a process holds with 200 idle links in it: two
// regions with 100 logs each.
func TestSlowIdleMemory(t *testing.T) {
	const logs, bound = 100, 300 << 20
	w := newWorld(t, func(c *configs.Config) {
		c.Link.Heartbeat = time.Second
		c.Logs = nil
		for i := range logs {
			c.Logs = append(c.Logs, configs.Log{Name: geo.LogName(fmt.Sprintf("LOG%dX", i)), Topics: []geo.Topic{geo.Topic(fmt.Sprintf("log%d.>", i))}})
		}
	}, "us-east", "eu-west")
	geotest.Await(t, 5*time.Minute, func(context.Context) error {
		for region, n := range w.nodes {
			for _, l := range n.Links() {
				if l.State != admin.LinkStreaming {
					return fmt.Errorf("in %s %s is %s: %s", region, l.Log, l.State, l.Reason)
				}
			}
		}
		return nil
	})
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // as geomq has it at rest
	for range 6 {
		<-time.After(10 * time.Second)
		resident, heap := resident(t)
		t.Logf("two idle regions with %d links hold %d MB, %d MB of it in objects", 2*logs, resident>>20, heap>>20)
	}
	if held, _ := resident(t); held > bound {
		t.Errorf("%d MB, more than %d", held>>20, bound>>20)
	}
}

// resident is what the process has in memory, and what its objects take, in bytes.
func resident(t *testing.T) (all, objects uint64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	var size uint64
	if _, err := fmt.Sscan(string(text), &size, &all); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return all * uint64(os.Getpagesize()), m.HeapAlloc
}
