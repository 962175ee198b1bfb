package broker

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

// wildTopics, and what clients publish to for each of them.
var (
	wildTopics = []geo.Topic{"orders.>", "a.*.b", "x.*.y.>", "plain", "odd.{name}.$x"}
	subjectsOf = []string{"orders.created.1", "a.7.b", "x.1.y.2.3", "plain", "odd.{name}.$x"}
)

func publishes(c *nats.Conn, subject string) error {
	_, err := c.Request(subject, []byte("body"), 5*time.Second)
	return err
}

// TestAShutTopicTakesNothing: clients that are connected already, whatever the
// topics look like, and somebody who listens to everything.
func TestAShutTopicTakesNothing(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: wildTopics})
	if err != nil {
		t.Fatal(err)
	}
	c, nosy := connect(t, b), connect(t, b)
	everything, err := nosy.SubscribeSync(">")
	if err = errors.Join(err, nosy.Flush()); err != nil {
		t.Fatal(err)
	}
	stored := geo.Offset(0)
	for round := range 3 {
		for _, subject := range subjectsOf {
			if err := publishes(c, subject); err != nil {
				t.Fatalf("round %d, %s while admitted: %v", round, subject, err)
			}
			stored++
		}
		if err := b.Shut(wildTopics); err != nil {
			t.Fatal(err)
		}
		for _, subject := range append(subjectsOf, "orders.created.2") {
			if err := publishes(c, subject); !errors.Is(err, nats.ErrNoResponders) {
				t.Fatalf("round %d, %s while shut: %v", round, subject, err)
			}
		}
		readsGoOn(t, c)
		if e := extentOf(t, l); e.Last != stored {
			t.Fatalf("round %d: %d are stored, %d were let in", round, e.Last, stored)
		}
		b.Admit(wildTopics)
		b.Admit(wildTopics)
	}
	if heard := bodies(everything); heard != int(stored) {
		t.Fatalf("%d messages were heard, %d let in", heard, stored)
	}
}

func readsGoOn(t *testing.T, c *nats.Conn) {
	t.Helper()
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	_, direct := js.GetMsg(orders.Stream(), 1, nats.DirectGet())
	_, get := js.GetMsg(orders.Stream(), 1)
	_, info := js.StreamInfo(orders.Stream())
	if err := errors.Join(direct, get, info); err != nil {
		t.Fatal("while shut nothing can be read:", err)
	}
}

// bodies counts what a subscription has heard of publishes.
func bodies(s *nats.Subscription) (heard int) {
	for m, err := s.NextMsg(time.Second); err == nil; m, err = s.NextMsg(50 * time.Millisecond) {
		if string(m.Data) == "body" && !strings.HasPrefix(m.Subject, nats.InboxPrefix) {
			heard++
		}
	}
	return heard
}

// TestNobodyAnswersForAShutLog: a client that could listen where shut publishes
// lead would acknowledge what nobody stored.
func TestNobodyAnswersForAShutLog(t *testing.T) {
	cfg := testConfig(t, "us-east")
	cfg.Shut = []geo.Topic{"orders.>"}
	b := openBroker(t, cfg)
	c, errs := plainClient(t, b)
	answer := func(m *nats.Msg) { _ = m.Respond(nil) }
	for _, subject := range []string{"GEOMQ.SHUT.>", "GEOMQ.SHUT.*"} {
		if _, err := c.Subscribe(subject, answer); err != nil {
			t.Fatal(err)
		}
		refused(t, "listening to "+subject, errs)
	}
	for _, subject := range []string{"GEOMQ.>", ">", "*.*.*", "GEOMQ.*.>"} {
		if _, err := c.QueueSubscribe(subject, "q", answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"orders.created.1", "GEOMQ.SHUT.created.1"} {
		if err := publishes(connect(t, b), subject); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%s: got %v", subject, err)
		}
	}
}

// TestPublishersThatWaitAtTheDoor has clients publish in a loop from before the
// port opens; nothing may be stored until the log is admitted, and then
// everything that was acknowledged.
func TestPublishersThatWaitAtTheDoor(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	openOrigin(t, b)
	cfg.Listen = b.server().Addr().String()
	cfg.Shut = []geo.Topic{"orders.>"}
	for round := range 3 {
		before := extentOf(t, openOrigin(t, b)).Last
		b.Close()
		var crowd crowd
		crowd.gather(cfg.Listen)
		b = openBroker(t, cfg)
		await(t, func() bool { return crowd.refused.Load() > 200 })
		l, err := b.Lookup(deadline(t), orders)
		if err != nil {
			t.Fatal(err)
		}
		if e := extentOf(t, l); e.Last != before || crowd.acked.Load() > 0 {
			t.Fatalf("round %d: shut, the log went from %d to %d, %d acks", round, before, e.Last, crowd.acked.Load())
		}
		b.Admit(cfg.Shut)
		await(t, func() bool { return crowd.acked.Load() > 200 })
		crowd.disperse()
		if e := extentOf(t, l); e.Last < before+geo.Offset(crowd.acked.Load()) {
			t.Fatalf("%d acks, the log went from %d to %d", crowd.acked.Load(), before, e.Last)
		}
	}
}

// crowd is a few clients that publish as soon as there is somebody to publish to.
type crowd struct {
	clients        sync.WaitGroup
	stop           atomic.Bool
	acked, refused atomic.Uint64
}

func (c *crowd) gather(address string) {
	for i := range 4 {
		c.clients.Go(func() { c.publish("nats://"+address, fmt.Sprintf("orders.%d", i)) })
	}
}

func (c *crowd) disperse() {
	c.stop.Store(true)
	c.clients.Wait()
}

func (c *crowd) publish(url, subject string) {
	conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		return // the counts stay at 0
	}
	defer conn.Close()
	for !c.stop.Load() {
		switch _, err := conn.Request(subject, nil, time.Second); {
		case err == nil:
			c.acked.Add(1)
		case errors.Is(err, nats.ErrNoResponders):
			c.refused.Add(1)
		}
	}
}
