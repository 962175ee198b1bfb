package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/admin"
	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
	"geomq/node"
)

var orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

// free says how much of a region's disk is free.
func (w *world) free(region geo.Region, percent uint64) { node.SetFree(w.cfgs[region].Data, percent) }

// publish sends n messages one after the other and returns the last offset.
func (w *world) publish(js jetstream.JetStream, n int) (last uint64) {
	w.t.Helper()
	for i := range n {
		ack, err := js.Publish(w.t.Context(), fmt.Sprintf("orders.created.%d", i%7), fmt.Appendf(nil, "message %d", i))
		if err != nil {
			w.t.Fatal(err)
		}
		last = ack.Sequence
	}
	return last
}

// refused waits until producers are told at once that nobody takes what they send,
// and returns the last offset that one got before.
func (w *world) refused(js jetstream.JetStream) (last uint64) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		ack, err := js.Publish(ctx, "orders.x", nil, jetstream.WithRetryAttempts(0))
		if err == nil {
			last = ack.Sequence
		}
		if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
			return fmt.Errorf("a producer is told %v", err)
		}
		return nil
	})
	return last
}

// taken waits until producers are let in, and returns the offset that the first got.
func (w *world) taken(js jetstream.JetStream) (offset uint64) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // an engine that fails gives no answer
		defer cancel()
		ack, err := js.Publish(ctx, "orders.x", []byte("again"), jetstream.WithRetryAttempts(0))
		if err == nil {
			offset = ack.Sequence
		}
		return err
	})
	return offset
}

// link waits until the link into a region's replica of us-east's log is as wanted.
func (w *world) link(region geo.Region, wanted func(admin.Link) bool) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(context.Context) error {
		for _, l := range w.nodes[region].Links() {
			if l.Log == "ORDERS" && l.Origin == "us-east" {
				if wanted(l) {
					return nil
				}
				return fmt.Errorf("the link is %+v", l)
			}
		}
		return errors.New("there is no such link")
	})
}

// log is what a region says of us-east's log.
func (w *world) log(region geo.Region) admin.Log {
	for _, l := range w.nodes[region].Orders().Local().Logs {
		if l.Stream == orders.Stream() {
			return l
		}
	}
	return admin.Log{}
}

func streaming(l admin.Link) bool { return l.State == admin.LinkStreaming }

// TestAReplicaWhoseDiskFillsUpWaits: the link says why it stands still, what is
// there stays, control logs go on, and the link goes on when there is room.
func TestAReplicaWhoseDiskFillsUpWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	last := w.publish(js, 100)
	w.holds("eu-west", "ORDERS@us-east", last)
	w.free("eu-west", 8)
	w.link("eu-west", func(l admin.Link) bool {
		return l.State == admin.LinkWaiting && strings.Contains(l.Reason, "the disk of node") && !l.Since.IsZero()
	})
	last = w.publish(js, 100)
	if l := w.log("eu-west"); l.Last != 100 {
		t.Errorf("the replica went on to %d without room", l.Last)
	}
	if _, err := w.client("eu-west").Publish(t.Context(), "orders.x", nil); err != nil {
		t.Errorf("a disk that is full for replicas refuses producers: %v", err)
	}
	for _, l := range w.nodes["eu-west"].Links() {
		if l.Control() && l.State != admin.LinkStreaming {
			t.Errorf("the control log does not go on: %+v", l)
		}
	}
	w.free("eu-west", 50)
	w.link("eu-west", streaming)
	w.holds("eu-west", "ORDERS@us-east", last)
}

// TestAnOriginWhoseDiskIsFull: producers hear at once that nobody takes their
// message, what was acknowledged stays, a restart lets nobody in, and room does.
func TestAnOriginWhoseDiskIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	last := w.publish(js, 200)
	w.free("us-east", 3)
	last = max(last, w.refused(js))
	geotest.Await(t, startPatience, func(context.Context) error {
		if l := w.log("us-east"); l.State != admin.LogFenced || !strings.Contains(l.Fenced, "make room") || l.Last != geo.Offset(last) {
			return fmt.Errorf("the log is %s (%s) and ends at %d, not %d", l.State, l.Fenced, l.Last, last)
		}
		return nil
	})
	w.holds("eu-west", "ORDERS@us-east", last)

	w.stops["us-east"]()
	w.start("us-east")
	w.await("us-east")
	js = w.client("us-east")
	w.refused(js)
	if l := w.log("us-east"); l.State != admin.LogFenced || l.Last != geo.Offset(last) {
		t.Errorf("after a restart the log is %s and ends at %d", l.State, l.Last)
	}
	w.free("us-east", 20)
	if next := w.taken(js); next != last+1 {
		t.Errorf("the log goes on at %d behind %d", next, last)
	}
	w.holds("eu-west", "ORDERS@us-east", last+1)
}

// TestNobodyGetsInBeforeTheDiskWasLookedAt: a node that starts on a full disk must
// not take entries until it has found that out.
func TestNobodyGetsInBeforeTheDiskWasLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *configs.Config) { node.SetFree(c.Data, 2) }, "us-east")
	if l := w.log("us-east"); l.State != admin.LogFenced {
		t.Fatalf("the log is %s as soon as the node is ready", l.State)
	}
	w.refused(w.client("us-east"))
}

// TestAnOrderFindsALinkThatWaitsForRoom: a repair is what may make room, so a link
// that waits for it must rest at once when it is asked to.
func TestAnOrderFindsALinkThatWaitsForRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.holds("eu-west", "ORDERS@us-east", w.publish(w.client("us-east"), 10))
	w.free("eu-west", 8)
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkWaiting })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := w.nodes["eu-west"].Rest(ctx, orders, func() error {
		w.link("eu-west", func(l admin.Link) bool { return strings.Contains(l.Reason, "order") })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.link("eu-west", func(l admin.Link) bool { return strings.Contains(l.Reason, "disk") })
}

// waits has openings wait for others for a minute, and be watched meanwhile.
func waits(t *testing.T) func(*configs.Config) {
	return func(c *configs.Config) {
		c.Broker.OpenWait = time.Minute
		c.Listen.Admin = freePort(t)
	}
}

// opening waits until a region's opening waits for another.
func (w *world) opening(region geo.Region) {
	w.t.Helper()
	client, err := admin.NewClient("http://" + w.cfgs[region].Listen.Admin)
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	geotest.Await(w.t, startPatience, func(ctx context.Context) error {
		status, err := client.Status(ctx, admin.ScopeLocal)
		if err != nil {
			return err
		}
		for _, l := range status.Logs {
			if l.Stream == orders.Stream() && l.Opening != nil && len(l.Opening.Silent) > 0 {
				return nil
			}
		}
		return fmt.Errorf("the logs are %+v", status.Logs)
	})
}
