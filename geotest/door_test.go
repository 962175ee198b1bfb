package geotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestNobodySlipsInBeforeTheLogIsOpen is TestAReplicaAheadOfItsRestartedOrigin with
// publishers that don't wait for an answer and are there in the same millisecond as
// the port: what gets in before the tail is back takes offsets that the replica has
// shown.
func TestNobodySlipsInBeforeTheLogIsOpen(t *testing.T) {
	seed := seedOf(t)
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}, PowerCuts: true})
	load := StartWorkload(t, r, 1000, seed, "us-east")
	reached(t, load, "eu-west", "us-east", 6000)
	since := r.PowerCut(t, rand.New(rand.NewPCG(seed, 0)), "us-east")
	load.Harmed("us-east", since)
	stop := hammer(t, r.All()[0], load.Histories["us-east"])
	r.Restart(t, "us-east")
	ahead, err := load.end(t.Context(), "eu-west", "us-east")
	if err != nil {
		t.Fatal(err)
	}
	reached(t, load, "eu-west", "us-east", ahead+500)
	stop()
	settled(t, r, load)
}

// hammer publishes into the log of a region on several connections, without waiting
// for anything, until stop is called.
func hammer(t *testing.T, region Region, history *History) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	for i := range 4 {
		nc, err := nats.Connect(region.NATS, nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0),
			nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		publishers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ { // the keys have no place in any order
				m := nats.NewMsg(fmt.Sprintf("orders.door.%d", i))
				id := fmt.Sprintf("door%dx%d", i, n)
				m.Header.Set(nats.MsgIdHdr, id)
				m.Data = []byte(id)
				history.Sent(history.name(id))
				_ = nc.PublishMsg(m) // while there is no server it goes nowhere
				select {
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return func() {
		cancel()
		publishers.Wait()
	}
}
